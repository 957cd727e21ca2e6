// Package admin is the operator's interface of a server: HTTP and JSON under /v1/, on a unix socket or, with TLS
// and tokens, on a TCP address. The same handlers serve the command line in its own process when no server runs
// and the store is enough.
//
//	GET    /v1/blocks               the blocks held
//	POST   /v1/blocks               hold a block: {"block":"70010000001"}
//	DELETE /v1/blocks/{block}       give a block up
//	GET    /v1/bindings             a page of bindings, by x, order, live, after, limit
//	POST   /v1/bindings             make a binding, 201; one that was there already, 200; Idempotency-Key
//	POST   /v1/bindings/query       a page of bindings, by number too
//	POST   /v1/bindings/batch       JSON lines in, a result a row; verb=create or verb=delete, with all=1
//	GET    /v1/bindings/{id}        one binding
//	PATCH  /v1/bindings/{id}        change a party or its terms
//	POST   /v1/bindings/{id}/extend let it live longer: {"ttl"} or {"expires"}
//	DELETE /v1/bindings/{id}        take one bind back, the last of them unbinds it, once under an Idempotency-Key; all=1: unbind it, hard=1: with its calls
//	GET    /v1/explain              which edge a call without a caller would match, by dialled, at
//	POST   /v1/explain              which edge a call would match: {"caller","dialled","at"}; noted, and for tenants needs Mask700-Reason
//	GET    /v1/calls                the calls that go on
//	GET    /v1/calls/{id}           one of them
//	DELETE /v1/calls/{id}           end it
//	GET    /v1/cdrs                 call records as JSON lines, by since, until, after_seq, binding, limit, follow
//	GET    /v1/cdrs/{id}            one call record
//	POST   /v1/history              who held what: {"x"|"order"|"consent","at"|"since","until","limit"}, as JSON lines
//	POST   /v1/history/number       the same by {"number"}; needs Mask700-Reason
//	GET    /v1/limits               the limits that are configured
//	GET    /v1/limits/{tenant}      those that hold for a tenant
//	POST   /v1/limits/{tenant}      give it its own: {"mode","calls","texts","all"}; what is left out stays
//	GET    /v1/tenants              the tenants
//	POST   /v1/tenants              add one: {"name","require_consent","own_blocks","ttl","max_duration","texts"}
//	GET    /v1/tenants/{name}       one of them
//	POST   /v1/tenants/{name}       change its settings; what is left out stays
//	POST   /v1/tenants/{name}/suspend  no calls over its bindings and no new ones: {"reason"}
//	POST   /v1/tenants/{name}/resume   end that
//	POST   /v1/tenants/{name}/tokens   let its platform in: {"name","reveal"}; the answer has the token, this once
//	GET    /v1/tokens               the tokens of tenants, by tenant
//	DELETE /v1/tokens/{id}          let it in no more
//	POST   /v1/erase                take a person's number out of everything: {"number","reason","hard","recordings"}
//	GET    /v1/retention            how long what is over is kept, and what was deleted
//	POST   /v1/retention/sweep      delete it now; ?confirm_clock=1: and believe a clock that has jumped ahead
//	POST   /v1/backup               copy the store: {"dir","check"}
//	POST   /v1/import               JSON lines in, bound together; those that were refused out, with all=1 every one, then how many;
//	                                with name=NAME and row=N, the first one's number in the import, none is bound twice
//	GET    /v1/blocklist            a page of entries of block lists, by tenant, after, limit
//	POST   /v1/blocklist            bar a number: {"number","peer","tenant","direction","until","reason"}
//	POST   /v1/blocklist/query      a page of entries, by number too
//	POST   /v1/blocklist/batch      JSON lines in, a result a row
//	DELETE /v1/blocklist/{id}       remove an entry
//	GET    /v1/status               what the server listens on and carries
//	POST   /v1/check                indexes against rows
//	POST   /v1/drain                take no new calls, end when the last is over
//	POST   /v1/reload               read the configuration again
//
// Tenants have an interface of their own, on TLS: of the paths above those that are named in door.go, with what is theirs
// behind them and nothing else (NewTenants).
//
// Subscriber numbers come in bodies, never in a URL, and go out masked. An error is application/problem+json
// (RFC 9457) and repeats nothing of the request.
package admin
