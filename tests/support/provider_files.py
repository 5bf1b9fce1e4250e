"""The files and records of the node in `tests.support.provider_world`."""

from policies.identifiers import resident_id

ZHANG = resident_id("11010119900307001")
LI = resident_id("11010119850612002")

NODE_TOML = 'format = "oncegate.node/1"\nsync_every_s = 3600\n'

RESOURCES_TOML = """format = "oncegate.resources/1"

[sources.people]
kind = "sql"
url = "sqlite:///people.db"
table = "residents"

[[resources]]
code = "civil.resident"
name = { zh = "居民基本信息", en = "Resident record" }
abstract = { zh = "户籍居民", en = "Registered residents" }
classification = "confidential"
sharing_type = "unconditional"
duty = "户籍管理"
purpose = "办理政务服务事项"
update_cycle = "P1D"
source = "people"
key = "id"
subject = { scheme = "cn.resident-id", column = "id_no" }
updated = "updated_at"

[[resources.fields]]
code = "name"
column = "xm"
name = { zh = "姓名", en = "Name" }
type = "string"
classification = "internal"
forms = ["exists", "predicate", "masked", "value"]
mask = "name"

[[resources.fields]]
code = "birth_date"
column = "csrq"
name = { zh = "出生日期", en = "Date of birth" }
type = "date"
classification = "confidential"
forms = ["predicate", "year", "value"]

[[resources.fields]]
code = "sex"
column = "xb"
name = { zh = "性别", en = "Sex" }
type = "string"
classification = "internal"
forms = ["value"]
values = { "1" = "男", "2" = "女" }
"""

AGREEMENT_TOML = """format = "oncegate.agreement/1"
id = "{id}"
revision = {revision}
provider = "civil"
provider_key = "{provider_key}"
consumer = "education"
consumer_key = "{consumer_key}"
systems = ["counter"]
resource = "{resource}"
legal_basis = "mandate"
purposes = ["{purpose}"]
valid_from = {valid_from}
valid_until = {valid_until}
case_required = false
uses_per_day = {uses_per_day}
rate_per_minute = {rate_per_minute}

[[items]]
field = "name"
forms = ["exists", "predicate", "masked", "value"]

[[items]]
field = "birth_date"
forms = ["predicate", "year", "value"]

[[items]]
field = "sex"
forms = ["value"]

[[items]]
field = "record"
forms = ["exists"]

[[predicates]]
name = "same_name"
field = "name"
operator = "equals"

[[predicates]]
name = "adult"
field = "birth_date"
operator = "age_at_least"
value = 18

[[predicates]]
name = "pensioner"
field = "birth_date"
operator = "age_at_least"
value = 60

[[predicates]]
name = "born_like"
field = "birth_date"
operator = "same_as"
"""

PEOPLE = [
    (1, ZHANG, "张三丰", "1990-03-07", "1", "2026-01-02 03:04:05"),
    (2, LI, "李四", "19850612", "2", None),
]
