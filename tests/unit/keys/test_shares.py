"""Shares of the recovery key: any threshold of them opens, fewer do not, and no error repeats a word."""

import itertools

import pytest
from shamir_mnemonic.wordlist import WORDLIST

from keys.custody.shares import WORDS, check_next, facts_of, join_shares, split_seed, tidy
from keys.errors import BadShare, BadSharing, ForeignShare, TooFewShares, WrongShares

SEED = bytes(range(32))


@pytest.fixture(scope="module")
def shares() -> list[str]:
    return split_seed(SEED, 5, 3)


def test_any_three_of_five_open_and_all_five_do_too(shares: list[str]) -> None:
    for some in itertools.combinations(shares, 3):
        assert join_shares(some) == SEED
    assert join_shares(shares) == SEED
    assert join_shares(shares[::-1]) == SEED


def test_two_of_them_do_not(shares: list[str]) -> None:
    for some in itertools.combinations(shares, 2):
        with pytest.raises(TooFewShares):
            join_shares(some)
    with pytest.raises(TooFewShares):
        join_shares([shares[0], shares[0], shares[0]])
    with pytest.raises(TooFewShares):
        join_shares([])


@pytest.mark.parametrize(("count", "threshold"), [(5, 1), (1, 1), (3, 4), (17, 2), (0, 0), (5, 0)])
def test_numbers_that_let_one_person_open_or_nobody_are_refused(count: int, threshold: int) -> None:
    with pytest.raises(BadSharing):
        split_seed(SEED, count, threshold)


def test_the_largest_set_works() -> None:
    shares = split_seed(SEED, 16, 16)
    assert len(set(shares)) == 16
    assert join_shares(shares) == SEED


def test_a_secret_of_another_size_is_not_split() -> None:
    with pytest.raises(BadSharing):
        split_seed(SEED[:16], 5, 3)


def test_a_share_tells_its_set_number_and_threshold_and_every_share_its_own(shares: list[str]) -> None:
    facts = [facts_of(share) for share in shares]
    assert [fact.index for fact in facts] == [1, 2, 3, 4, 5]
    assert {fact.threshold for fact in facts} == {3}
    assert len({fact.set_id for fact in facts}) == 1
    assert {len(share.split()) for share in shares} == {WORDS}


def test_capitals_and_spaces_do_not_matter(shares: list[str]) -> None:
    typed = [f"  {share.upper().replace(' ', '   ')}\n" for share in shares[:3]]
    assert join_shares(typed) == SEED
    assert tidy(typed[0]) == shares[0]


def test_a_mistyped_word_is_noticed_and_not_repeated(shares: list[str]) -> None:
    words = shares[0].split()
    for place, word in itertools.product((0, 5, 20, 32), ("zzzz", WORDLIST[7], "academic")):
        typed = [*words[:place], word, *words[place + 1 :]]
        if typed == words:
            continue
        with pytest.raises(BadShare) as caught:
            facts_of(" ".join(typed))
        assert word not in str(caught.value)
        assert caught.value.__suppress_context__


@pytest.mark.parametrize("typed", ["", "academic", "academic " * 33, "academic " * 20])
def test_what_is_no_share_is_refused(typed: str) -> None:
    with pytest.raises(BadShare):
        facts_of(typed)


def test_two_words_in_the_wrong_order_are_noticed(shares: list[str]) -> None:
    words = shares[0].split()
    swapped = [*words[:10], words[11], words[10], *words[12:]]
    if swapped != words:
        with pytest.raises(BadShare):
            facts_of(" ".join(swapped))


def test_a_share_of_another_set_is_said_as_such(shares: list[str]) -> None:
    other = split_seed(SEED, 5, 3)
    with pytest.raises(ForeignShare):
        join_shares([shares[0], shares[1], other[2]])
    with pytest.raises(ForeignShare):
        check_next(shares[:1], other[1], facts_of(shares[0]).set_id)


def test_a_share_that_is_there_already_does_not_count_twice(shares: list[str]) -> None:
    with pytest.raises(BadShare, match="already"):
        check_next(shares[:2], shares[1], facts_of(shares[0]).set_id)
    assert check_next(shares[:2], shares[2], facts_of(shares[0]).set_id).index == 3


def test_a_share_with_a_right_checksum_and_a_wrong_value_is_noticed(shares: list[str]) -> None:
    from dataclasses import replace

    from shamir_mnemonic.share import Share

    share = Share.from_mnemonic(shares[2])
    forged = replace(share, value=bytes([share.value[0] ^ 1]) + share.value[1:]).mnemonic()
    with pytest.raises(WrongShares):
        join_shares([shares[0], shares[1], forged])


def test_shares_of_a_shorter_secret_are_refused() -> None:
    from shamir_mnemonic import generate_mnemonics

    ((short, *_),) = generate_mnemonics(1, [(2, 3)], bytes(16))
    with pytest.raises(BadShare):
        facts_of(short)
