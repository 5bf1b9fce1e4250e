from gateway.audit.verify.failures import TEXT, Fault, VerificationFailed


def test_every_fault_has_a_chinese_and_an_english_text() -> None:
    assert set(TEXT) == set(Fault)
    assert all(text.zh and text.en for text in TEXT.values())


def test_a_failure_names_the_entry_in_both_languages() -> None:
    failure = VerificationFailed(Fault.ENTRY_CHANGED, 4, claimed_leaf="00")
    assert str(failure) == "条目内容与其哈希不符（条目 4） / The entry does not fit its hash (entry 4)"
    assert VerificationFailed(Fault.COPY_MALFORMED).text_en == TEXT[Fault.COPY_MALFORMED].en
    assert VerificationFailed(Fault.COPY_MALFORMED).text_zh == TEXT[Fault.COPY_MALFORMED].zh
