"""Public texts of this package's errors, in Chinese and English, by code.

Rules kept here: the table is total over `keys.errors` (tested); a text says what to look at and never carries a secret,
a path or a person's data.
"""

from typing import Final, NamedTuple

from keys.errors import KeysError


class PublicText(NamedTuple):
    """What people are told about one code."""

    zh: str
    en: str


PUBLIC: Final[dict[str, PublicText]] = {
    "KEYS_ERROR": PublicText("密钥操作失败", "A key operation failed"),
    "BAD_SIGNATURE": PublicText("签名或承诺不成立", "A signature or commitment does not hold"),
    "BAD_BATCH": PublicText("签名批次格式不正确", "A signed batch is malformed"),
    "BAD_CERTIFICATE": PublicText("证书或证书请求不被接受", "A certificate or signing request is not acceptable"),
    "BAD_KEY_CERTIFICATE": PublicText("密钥未经部门认证", "The keys are not certified by the department"),
    "BAD_TOKEN": PublicText("令牌格式不正确", "The token is malformed"),
    "BAD_ENVELOPE": PublicText("密文被改动或不属于此处", "Encrypted data was changed or belongs elsewhere"),
    "SEAL_ERROR": PublicText("密封内容无法打开", "A sealed text cannot be opened"),
    "KEYRING_LOCKED": PublicText("口令不正确", "The passphrase is wrong"),
    "PASSPHRASE_MISSING": PublicText("未提供口令", "No passphrase is given"),
    "KEYRING_CORRUPT": PublicText("密钥文件缺失或损坏", "A file of secrets is missing or damaged"),
    "SECRET_EXPOSED": PublicText(
        "密钥文件可被他人读取，权限须为0600", "A file of secrets is open to others; its mode must be 0600"
    ),
    "UNKNOWN_KEY": PublicText("没有该密钥或版本", "There is no such key or version"),
    "RETIRED_KEY": PublicText("该密钥版本已停用", "This version of the key is retired"),
    "KEYRING_OUTDATED": PublicText(
        "密钥环是旧副本，已停用的密钥不再被接受", "The keyring is an older copy: its keys were retired"
    ),
    "KEYRING_ELSEWHERE": PublicText(
        "密钥环由另一种根密钥保护，请运行 oncegate key migrate",
        "The keyring is under another kind of root key; run oncegate key migrate",
    ),
    "ROOT_KEY_UNAVAILABLE": PublicText("根密钥设备出错", "The provider of the root key fails"),
    "ROOT_KEY_MISSING": PublicText("没有该名称和版本的根密钥", "There is no root key of that name and version"),
    "MODULE_MISSING": PublicText(
        "找不到PKCS#11模块或未安装pkcs11组件", "The PKCS#11 module or the extra pkcs11 is not installed"
    ),
    "TOKEN_ABSENT": PublicText("密码设备不在或已拔出", "The token is absent or was taken out"),
    "PIN_MISSING": PublicText("未提供PIN", "No PIN is given"),
    "WRONG_PIN": PublicText("PIN不正确；不会自动重试", "The PIN is wrong; it is not tried again by itself"),
    "PIN_LOCKED": PublicText(
        "PIN已被锁定，请由设备管理员解锁", "The PIN is locked; the token's officer must unlock it"
    ),
    "BAD_SHARING": PublicText(
        "份额数须为2至16，门限至少为2且不超过份额数",
        "There are 2 to 16 shares, and the threshold is at least 2 and at most their number",
    ),
    "BAD_SHARE": PublicText("份额输入有误，请逐词核对", "The share is mistyped; check it word by word"),
    "FOREIGN_SHARE": PublicText("该份额属于另一组", "The share belongs to another set"),
    "TOO_FEW_SHARES": PublicText("份额数量未达到门限", "There are fewer different shares than the threshold"),
    "WRONG_SHARES": PublicText("这些份额打不开此密钥环", "These shares do not open this keyring"),
    "NO_RECOVERY": PublicText("密钥环没有恢复槽，请先拆分", "The keyring has no recovery slot; split one first"),
    "CEREMONY_BROKEN": PublicText("仪式未确认即中断，未作任何更改", "The ceremony was not confirmed; nothing changed"),
    "BAD_PROOF": PublicText("默克尔证明不成立", "A Merkle proof does not hold"),
    "UNUSABLE_KEYS": PublicText("签发方的公钥文件不可用", "An issuer's key file cannot be used"),
    "BAD_CONSENT_PROOF": PublicText("授权同意的证明不成立", "The proof of a consent does not hold"),
    "BAD_CHECKPOINT": PublicText("检查点格式或签名不正确", "A checkpoint is malformed or not signed as expected"),
    "BAD_EPOCH": PublicText(
        "日志新纪元声明不成立", "An epoch statement does not hold, or does not lead on from what is known"
    ),
    "TOO_FEW_CUSTODIANS": PublicText(
        "签署新纪元声明的保管人未达到门限", "Fewer custodians signed the epoch statement than are needed"
    ),
    "HEAD_HIDDEN": PublicText(
        "新纪元声明隐瞒了已见过的日志检查点", "The epoch statement hides a head of the log that was seen"
    ),
}


def public_text(error: KeysError) -> PublicText:
    """The public text of an error."""
    return PUBLIC[error.code]
