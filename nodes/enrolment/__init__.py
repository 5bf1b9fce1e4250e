"""How a department's node or system becomes known to the gateway, and stays so.

A *home* is the folder of one node or system: its TLS identity, its signing and sealing keys, what it trusts. This
package makes homes (`enrolment`), keeps their certificates fresh (`renewal`), opens channels from them (`channel`)
and reads the gateway's refusals (`refusals`). The department's own key is made here too, and never lies in a home.
"""
