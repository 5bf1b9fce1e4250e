"""An official's token at the systems' door: what does not hold in every point speaks for nobody, and nobody is asked.

The education department's own issuer and tourism's are registered; each has keys of its own. Beside the tokens that are
refused stand those that are accepted, so that each refusal is for the one thing that was changed.
"""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from typer.testing import CliRunner

from gateway.cli.main import app
from tests.support.city import CIVIL_ITEMS, ISSUER, City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.doors import RawSystem, refused
from tests.support.log_book import logged
from tests.support.tampering import answered

pytestmark = shared_city("adversarial-officials")

OFFICE, TOURISM = "https://office.education.test", "https://office.tourism.test"
SCHOOL, BOOKING = (
    f"spiffe://oncegate.test/department/{name}" for name in ("education/system/school", "tourism/system/booking")
)
HEADER = {"alg": "ES256", "kid": "e1", "typ": "JWT"}


def new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


KEY, TOURISM_KEY, NEXT_KEY = new_key("e1"), new_key("t1"), new_key("e2")


def publish(file: Path, *keys: ECKey) -> None:
    """Puts keys where the gateway looks for them, in one step as `mv` does."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps(KeySet(list(keys)).as_dict(private=False)), encoding="utf-8")
    new.replace(file)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    folder = tmp_path_factory.mktemp("city")
    publish(folder / "education.jwks.json", KEY)
    publish(folder / "tourism.jwks.json", TOURISM_KEY)
    offices = "".join(
        f'[[issuers]]\nissuer = "{issuer}"\njwks_file = "{folder / name}.jwks.json"\n'
        f'roles = {{ clerk = "officer" }}\ndepartment = "{name}"\nbinding = "{binding}"\n'
        for issuer, name, binding in ((OFFICE, "education", "any"), (TOURISM, "tourism", "certificate"))
    )
    async with running_city(folder, settings=offices) as running:
        running.agree("civil", "civil.resident", CIVIL_ITEMS, revision=2, official_required="true")
        running.node("civil").provider.agreements._looked_s = float("-inf")
        yield running


def claims(**changes: Any) -> dict[str, Any]:
    """An honest token's claims, but for some; None leaves one out."""
    now = int(time.time())
    sound = {
        "iss": OFFICE,
        "aud": "oncegate",
        "sub": "clerk-7",
        "iat": now,
        "exp": now + 300,
        "roles": ["clerk"],
        "oncegate_system": SCHOOL,
    }
    return {name: value for name, value in (sound | changes).items() if value is not None}


def signed(body: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    head = HEADER | header
    return jwt.encode(head, body, key, algorithms=[head["alg"]])


def part(content: dict[str, Any] | str) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def signed_text(header: str, body: str) -> str:
    """A good signature over any text; ES256 is the joined r and s."""
    text = f"{part(header)}.{part(body)}"
    r, s = utils.decode_dss_signature(KEY.private_key.sign(text.encode(), ec.ECDSA(SHA256())))
    signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode().rstrip("=")
    return f"{text}.{signature}"


def hs256(header: dict[str, Any], secret: bytes) -> str:
    text = f"{part(header)}.{part(claims())}"
    return f"{text}.{base64.urlsafe_b64encode(hmac.digest(secret, text.encode(), 'sha256')).decode().rstrip('=')}"


def thumbprint(raw: RawSystem) -> str:
    """`x5t#S256` of a system's certificate (RFC 8705 section 3.1), computed without our own code."""
    certificate = x509.load_pem_x509_certificate(raw.home.tls().certificate_pem)
    return base64.urlsafe_b64encode(certificate.fingerprint(SHA256())).decode().rstrip("=")


def forged() -> str:
    head, body, _ = signed(claims()).split(".")
    return f"{head}.{body}.{signed(claims(sub='other'), new_key('e1')).split('.')[2]}"


def changed() -> str:
    head, _, signature = signed(claims()).split(".")
    return f"{head}.{part(claims(sub='director-1'))}.{signature}"


def twice(name: str, value: Any) -> str:
    """A claim that stands twice, under a good signature: the honest value last, where most readers look."""
    return signed_text(json.dumps(HEADER), f'{{"{name}": {json.dumps(value)}, {json.dumps(claims())[1:]}')


def now(offset_s: int) -> int:
    return int(time.time()) + offset_s


SMALL_RSA = RSAKey.generate_key(2048, {"kid": "e1"})
BAD: dict[str, Callable[[], str]] = {
    "forged signature": forged,
    "changed after it was signed": changed,
    "signature taken off": lambda: signed(claims()).rsplit(".", 1)[0] + ".",
    "signed with another key under the same id": lambda: signed(claims(), new_key("e1")),
    "alg none": lambda: f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}.",
    "alg None, capital": lambda: f"{part({'alg': 'None', 'kid': 'e1'})}.{part(claims())}.",
    "no alg": lambda: signed_text(json.dumps({"kid": "e1"}), json.dumps(claims())),
    "HS256 with the public key, PEM": lambda: hs256(HEADER | {"alg": "HS256"}, KEY.as_pem(private=False)),
    "HS256 with the public key, DER": lambda: hs256(HEADER | {"alg": "HS256"}, KEY.as_der(private=False)),
    "HS256 with the key file": lambda: hs256(
        HEADER | {"alg": "HS256"}, json.dumps(KeySet([KEY]).as_dict(private=False)).encode()
    ),
    "HS256 with an empty secret": lambda: hs256(HEADER | {"alg": "HS256"}, b""),
    "an algorithm that is not named": lambda: signed(claims(), SMALL_RSA, alg="RS256"),
    "encrypted instead of signed": lambda: (
        f"{part({'alg': 'dir', 'enc': 'A256GCM'})}..{part('iv')}.{part('x')}.{part('t')}"
    ),
    "wrong audience": lambda: signed(claims(aud="elsewhere")),
    "no audience": lambda: signed(claims(aud=None)),
    "audience of many without ours": lambda: signed(claims(aud=["oncegate.evil", "a"])),
    "unknown issuer": lambda: signed(claims(iss="https://office.education.test.evil")),
    "issuer as a list": lambda: signed(claims(iss=[OFFICE])),
    "issuer of another department": lambda: signed(claims(iss=TOURISM), TOURISM_KEY, kid="t1"),
    "another issuer's key under our issuer's name": lambda: signed(claims(), TOURISM_KEY, kid="t1"),
    "our issuer's key under another issuer's name": lambda: signed(claims(iss=TOURISM)),
    "key id of another issuer": lambda: signed(claims(), kid="t1"),
    "key id that leads elsewhere": lambda: signed(claims(), kid="../education.jwks.json"),
    "issuer of citizens": lambda: signed(claims(iss="https://id.test")),
    "lifetime over five minutes": lambda: signed(claims(exp=now(301))),
    "lifetime of years": lambda: signed(claims(exp=2**53)),
    "issued later than it ends": lambda: signed(claims(iat=now(20), exp=now(10), nbf=now(500))),
    "iat in the future": lambda: signed(claims(iat=now(90), exp=now(300))),
    "nbf in the future": lambda: signed(claims(nbf=now(90))),
    "no iat": lambda: signed(claims(iat=None)),
    "no exp": lambda: signed(claims(exp=None)),
    "iat as a text": lambda: signed(claims(iat=str(now(0)))),
    "exp as a truth": lambda: signed(claims(exp=True)),
    "no subject": lambda: signed(claims(sub=None)),
    "not bound": lambda: signed(claims(oncegate_system=None)),
    "bound to another system": lambda: signed(claims(oncegate_system=BOOKING)),
    "bound to a prefix of the system": lambda: signed(claims(oncegate_system=SCHOOL[:-1])),
    "bound to a list of systems": lambda: signed(claims(oncegate_system=[SCHOOL, BOOKING])),
    "bound to another certificate": lambda: signed(claims(oncegate_system=None, cnf={"x5t#S256": part("x" * 32)})),
    "bound to our name and another certificate": lambda: signed(claims(cnf={"x5t#S256": part("x" * 32)})),
    "bound to a key and not a certificate": lambda: signed(claims(cnf={"jkt": part("x" * 32)})),
    "bound to nothing by an empty confirmation": lambda: signed(claims(oncegate_system=None, cnf={})),
    "confirmation that is no object": lambda: signed(claims(cnf="x5t#S256")),
    "brings its own key": lambda: signed(claims(), new_key("e1"), jwk=KEY.as_dict(private=False)),
    "brings where its keys are": lambda: signed(claims(), jku="https://evil.test/jwks.json"),
    "brings its certificate": lambda: signed(claims(), x5c=[part("certificate")]),
    "brings where its certificate is": lambda: signed(claims(), x5u="https://evil.test/certificate.pem"),
    "asks for an extension": lambda: signed_text(
        json.dumps(HEADER | {"crit": ["b64"], "b64": False}), json.dumps(claims())
    ),
    "another type": lambda: signed(claims(), typ="logout+jwt"),
    "issuer twice": lambda: twice("iss", TOURISM),
    "binding twice": lambda: twice("oncegate_system", BOOKING),
    "nested name twice": lambda: signed_text(
        json.dumps(HEADER), json.dumps(claims())[:-1] + ', "cnf": {"x5t#S256": "a", "x5t#S256": "b"}}'
    ),
    "algorithm twice": lambda: signed_text('{"alg": "none", "alg": "ES256", "kid": "e1"}', json.dumps(claims())),
    "a number that is none": lambda: signed_text(
        json.dumps(HEADER), json.dumps(claims(exp=None))[:-1] + ', "exp": Infinity}'
    ),
    "deep nesting": lambda: signed_text(json.dumps(HEADER), "[" * 3000 + "]" * 3000),
    "huge": lambda: signed(claims(padding="x" * 20_000)),
    "four parts": lambda: signed(claims()) + ".x",
    "not ASCII": lambda: signed(claims())[:-1] + "ａ",
    "line break": lambda: signed(claims()).replace(".", ".\n", 1),
    "two tokens": lambda: signed(claims()) + " " + signed(claims()),
    "blank": lambda: "   ",
}
EXPIRED: dict[str, Callable[[], str]] = {
    "expired": lambda: signed(claims(iat=now(-290), exp=now(-40))),
    "older than five minutes": lambda: signed(claims(iat=now(-305), exp=now(-6))),
}


async def refused_with(city: City, raw: RawSystem, token: str) -> str:
    """The reason of a refusal; it is on the log without anything of the token, and nobody was asked."""
    before = answered(city)
    with logged(city) as book:
        refusal = await refused(raw.fetch(raw.request(official_token=token)))
    assert book.kinds == ["refused"]
    assert answered(city) == before
    told = refusal.everything.decode(errors="replace") + str(book.only("refused").account)
    assert "clerk" not in told
    assert (token[:12] not in told) or not token.strip()
    return f"{refusal.status} {refusal.reason}"


@pytest.mark.parametrize("name", BAD)
async def test_an_officials_token_that_does_not_hold_in_one_point_is_no_token(
    city: City, raw: RawSystem, name: str
) -> None:
    told = await refused_with(city, raw, BAD[name]())
    assert told in {"UNAUTHENTICATED BAD_TOKEN", "UNAUTHENTICATED UNAUTHENTICATED"}
    assert told.endswith("BAD_TOKEN") or name == "blank"


@pytest.mark.parametrize("name", EXPIRED)
async def test_an_officials_token_past_its_time_is_told_apart(city: City, raw: RawSystem, name: str) -> None:
    assert await refused_with(city, raw, EXPIRED[name]()) == "UNAUTHENTICATED TOKEN_EXPIRED"


async def test_whoever_is_no_official_is_told_so(city: City, raw: RawSystem) -> None:
    for roles in ([], ["auditor"], None, "clerks"):
        assert await refused_with(city, raw, signed(claims(roles=roles))) == "PERMISSION_DENIED NOT_ALLOWED"


async def test_a_token_is_bound_by_name_or_certificate_or_both(raw: RawSystem) -> None:
    bound = {"x5t#S256": thumbprint(raw)}
    for body in (claims(), claims(oncegate_system=None, cnf=bound), claims(cnf=bound)):
        assert (await raw.fetch(raw.request(official_token=signed(body)))).complete


async def test_half_a_minute_between_clocks_is_forgiven(raw: RawSystem) -> None:
    for body in (
        claims(iat=now(20), exp=now(320)),
        claims(nbf=now(20)),
        claims(iat=now(-280), exp=now(-15)),
    ):
        assert (await raw.fetch(raw.request(official_token=signed(body)))).complete


async def test_what_is_bound_to_another_systems_certificate_is_worthless_here(city: City, raw: RawSystem) -> None:
    async with RawSystem(city, "tourism", "booking") as booking:
        stolen = signed(claims(oncegate_system=None, cnf={"x5t#S256": thumbprint(booking)}))
        assert await refused_with(city, raw, stolen) == "UNAUTHENTICATED BAD_TOKEN"
        # And the other way round: the school's token in the booking system's hands.
        theirs = signed(claims(oncegate_system=None, cnf={"x5t#S256": thumbprint(raw)}))
        assert await refused_with(city, booking, theirs) == "UNAUTHENTICATED BAD_TOKEN"


async def test_an_issuer_speaks_for_the_officials_of_its_own_department_and_no_others(
    city: City, raw: RawSystem
) -> None:
    bound = {"x5t#S256": thumbprint(raw)}
    of_tourism = signed(claims(iss=TOURISM, cnf=bound), TOURISM_KEY, kid="t1")
    of_citizens = signed(claims(iss=ISSUER, cnf=bound), city._issuer, kid="k1")
    for token in (of_tourism, of_citizens):
        assert await refused_with(city, raw, token) == "UNAUTHENTICATED BAD_TOKEN"


async def test_a_confirmation_that_asks_for_more_than_is_understood_is_none(city: City, raw: RawSystem) -> None:
    more = {"x5t#S256": thumbprint(raw), "jkt": part("x" * 32)}
    assert await refused_with(city, raw, signed(claims(cnf=more))) == "UNAUTHENTICATED BAD_TOKEN"


async def test_an_issuer_may_be_held_to_certificates(city: City) -> None:
    async with RawSystem(city, "tourism", "booking") as booking:
        said = {"iss": TOURISM, "oncegate_system": BOOKING}
        by_name = signed(claims(**said), TOURISM_KEY, kid="t1")
        assert await refused_with(city, booking, by_name) == "UNAUTHENTICATED BAD_TOKEN"
        by_certificate = signed(claims(**said, cnf={"x5t#S256": thumbprint(booking)}), TOURISM_KEY, kid="t1")
        # The token holds; it is the agreement that is missing.
        assert await refused_with(city, booking, by_certificate) == "PERMISSION_DENIED NO_AGREEMENT"


async def test_keys_that_the_issuer_changes_count_from_the_next_token_on(city: City, raw: RawSystem) -> None:
    file = city.folder / "education.jwks.json"
    old, new = (lambda: signed(claims())), (lambda: signed(claims(), NEXT_KEY, kid="e2"))
    assert await refused_with(city, raw, new()) == "UNAUTHENTICATED BAD_TOKEN"
    try:
        publish(file, KEY, NEXT_KEY)
        for token in (old(), new()):
            assert (await raw.fetch(raw.request(official_token=token))).complete
        publish(file, NEXT_KEY)
        assert await refused_with(city, raw, old()) == "UNAUTHENTICATED BAD_TOKEN"
        assert (await raw.fetch(raw.request(official_token=new()))).complete
    finally:
        publish(file, KEY)
    assert (await raw.fetch(raw.request(official_token=old()))).complete


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AAAA"}]}'])
async def test_an_issuer_whose_keys_cannot_be_read_speaks_for_nobody_and_the_others_go_on(
    city: City, raw: RawSystem, content: bytes | None
) -> None:
    file = city.folder / "education.jwks.json"
    try:
        file.unlink() if content is None else file.write_bytes(content)
        assert await refused_with(city, raw, signed(claims())) == "UNAUTHENTICATED BAD_TOKEN"
        async with RawSystem(city, "tourism", "booking") as booking:
            body = claims(iss=TOURISM, oncegate_system=None, cnf={"x5t#S256": thumbprint(booking)})
            told = await refused_with(city, booking, signed(body, TOURISM_KEY, kid="t1"))
            assert told == "PERMISSION_DENIED NO_AGREEMENT"
    finally:
        publish(file, KEY)


async def listed(city: City) -> dict[str, dict[str, Any]]:
    """What `oncegate department issuers` says, by issuer."""
    words = ["department", "issuers", "--home", str(city.home)]
    shown = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert shown.exit_code == 0, shown.output
    result = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
    return {one["issuer"]: one for one in json.loads(result.stdout)}


async def test_the_operator_sees_whose_tokens_count_and_what_keeps_them_from_counting(city: City) -> None:
    file = city.folder / "education.jwks.json"
    found = await listed(city)
    assert (found[OFFICE]["department"], found[OFFICE]["keys"], found[OFFICE]["fault"]) == ("education", ["e1"], "")
    assert (found[TOURISM]["binding"], found[OFFICE]["roles"]) == ("certificate", ["officer"])
    assert (found[ISSUER]["department"], found[ISSUER]["binding"]) == ("", "")
    try:
        file.unlink()
        found = await listed(city)
        assert (found[OFFICE]["keys"], found[OFFICE]["fault"]) == ([], "the JWKS file cannot be read")
        assert found[TOURISM]["fault"] == ""
    finally:
        publish(file, KEY)


async def test_a_shared_secret_in_a_key_file_is_never_a_key(city: City, raw: RawSystem) -> None:
    secret = OctKey.generate_key(256, {"kid": "e1"})
    file = city.folder / "education.jwks.json"
    try:
        file.write_text(json.dumps({"keys": [secret.as_dict(private=True)]}), encoding="utf-8")
        token = jwt.encode(HEADER | {"alg": "HS256"}, claims(), secret, algorithms=["HS256"])
        assert await refused_with(city, raw, token) == "UNAUTHENTICATED BAD_TOKEN"
    finally:
        publish(file, KEY)
