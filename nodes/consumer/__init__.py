"""The SDK of a department's system: ask, verify, open, use.

```python
async with AsyncClient("/var/lib/oncegate/registry") as client:
    answer = await client.fetch(
        subject=("cn.resident-id", identifier), purpose="birth-registration", basis="mandate",
        items=["civil.resident:name=value"],
    )
    answer["civil.resident:name"].value
```

Everything an answer claims is verified before the caller sees any of it: the nodes' keys under the department
fingerprints in the accepted agreements, the receipts, the ledger's promises. What does not verify raises.
"""

from nodes.consumer.answer import Answer, LocateAnswer, Located, Promise, Provider, Receipt, Row, RowStatus
from nodes.consumer.catalog import CatalogField, CatalogResource
from nodes.consumer.catalog_reader import CatalogChange, CatalogDiff, CatalogHits, CatalogReader, CatalogVersion
from nodes.consumer.client import AsyncClient
from nodes.consumer.consents import ConsentDesk, ConsentState
from nodes.consumer.distrust import Distrust, UntrustedAnswer
from nodes.consumer.items import Item
from nodes.consumer.service_files import ServiceFile, ServiceFiles
from nodes.consumer.services import Application, ServiceDesk
from nodes.consumer.sync_client import Client
from nodes.enrolment.errors import BadInput, GatewayUnreachable, HomeInvalid, RequestRefused, Violation
from nodes.errors import NodeError
from policies.emergencies import Emergency

__all__ = [
    "Answer",
    "Application",
    "AsyncClient",
    "BadInput",
    "CatalogChange",
    "CatalogDiff",
    "CatalogField",
    "CatalogHits",
    "CatalogReader",
    "CatalogResource",
    "CatalogVersion",
    "Client",
    "ConsentDesk",
    "ConsentState",
    "Distrust",
    "Emergency",
    "GatewayUnreachable",
    "HomeInvalid",
    "Item",
    "LocateAnswer",
    "Located",
    "NodeError",
    "Promise",
    "Provider",
    "Receipt",
    "RequestRefused",
    "Row",
    "RowStatus",
    "ServiceDesk",
    "ServiceFile",
    "ServiceFiles",
    "UntrustedAnswer",
    "Violation",
]
