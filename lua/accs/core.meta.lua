---@meta accs.core
-- What csrc/lua offers to Lua. Never loaded; editors read it, and spec/lua/core_spec.lua holds it
-- against the real module. Mistakes of the program raise; what the network, the service or the
-- machine did comes back as `nil, failure`.

---@class accs.core
---@field version string  "0.1.0"
---@field libraries string  "libcurl/7.88.1 OpenSSL/3.0.17 ..."
---@field null lightuserdata  the same value as cjson.null
---@field errors string[]  the names of the error kinds
local core = {}

--- Why something failed; accs.error makes an error object of it.
---@class accs.core.Failure
---@field kind string  one of core.errors
---@field outcome "not_sent"|"refused"|"unknown"|"done"
---@field message string  one line, without secrets
---@field attempts integer  requests that left
---@field retryable boolean  the same call may succeed later
---@field status? integer  HTTP status
---@field retry_after? number  seconds that the service asked for
---@field curl_code? integer
---@field errno? integer

--- Makes an engine: one curl_multi behind one pollable descriptor.
---@param options? accs.core.EngineOptions  raises on others
---@return accs.core.Engine|nil engine
---@return accs.core.Failure|nil failure
--- Example: `local engine = assert(core.engine { max_connections = 16 })`
function core.engine(options) end

---@class accs.core.EngineOptions  limits of what the clients of an engine share
---@field max_connections? integer  open at a time, per host, default 8; further requests wait
---@field max_total_connections? integer  to all hosts together; no limit unless set
---@field max_idle_connections? integer  kept for later requests, to all hosts, default 64
---@field max_streams? integer  requests at a time over one HTTP/2 connection, default 100
---@field max_idle_time? number  seconds; an older idle connection is not used again, default 118
---@field dns_cache_time? number  seconds that the addresses of a name are kept, default 60

--- Waits until one of several engines has something to do. Moves none of them.
---@param engines accs.core.Engine[]
---@param seconds? number  the longest wait; nil: until something happens, or a signal arrives
---@return true|nil ok
---@return accs.core.Failure|nil failure
--- Example: `assert(core.wait({ one, two }, 0.1)) one:step(0) two:step(0)`
function core.wait(engines, seconds) end

--- Makes a client on an engine. No I/O. Clients of one identity share one token.
---@param engine accs.core.Engine
---@param options table<string, any>  fields as in accs.options, times in seconds; or, in place of
---  what is about credentials, `auth`: those that core.auth made
---@return accs.core.Client|nil client
---@return accs.core.Failure|nil failure
--- Example:
---     local client = assert(core.client(engine, {
---       base_url = "https://na1.api.commerce.adobe.com/example-tenant",
---       client_id = "example", client_secret = "not-a-secret",
---     }))
function core.client(engine, options) end

--- Makes the credentials of an identity on an engine. No I/O. Clients and others of one identity
--- share its tokens.
---@param engine accs.core.Engine
---@param options table<string, any>  as for core.client; beside those of accs.options:
---  `client_secrets` (list), `secret_hook` and `cache_hook` (numbers of accs.hosts),
---  `cache_folder`, `cache_locks`, `user`, `code`, `code_verifier`
---@return accs.core.Auth|nil auth
---@return accs.core.Failure|nil failure
--- Example: `local auth = assert(core.auth(engine, { access_token = "not-a-token" }))`
function core.auth(engine, options) end

--- Encodes everything but unreserved characters (RFC 3986, 2.3).
---@param text string
---@return string
--- Example: `core.percent_encode("24-MB01/X")` gives "24-MB01%2FX".
function core.percent_encode(text) end

--- Looks at an absolute http or https address.
---@param url string
---@return accs.core.Address|nil address
---@return string|nil message
--- Example: `core.address("http://localhost:8080/x").loopback` is true.
function core.address(url) end

---@class accs.core.Address
---@field https boolean
---@field loopback boolean  localhost, 127.0.0.0/8, ::1
---@field adobe boolean  under adobe.com or adobelogin.com
---@field has_user_info boolean
---@field has_query boolean  a query or a fragment

--- A URL with `***` for the value of each query parameter that is a credential by its name: token,
--- secret, password, signature, key and the like.
---@param url string  without NUL bytes
---@return string
--- Example: `core.redact_url("/V1/x?access_token=abc")` gives "/V1/x?access_token=***".
function core.redact_url(url) end

--- A random id of 128 bits.
---@return string  32 hexadecimal digits
--- Example: `local id = core.random_id()`
function core.random_id() end

--- A code verifier of 256 random bits and its challenge, method S256 (RFC 7636).
---@return string verifier  43 characters
---@return string challenge  43 characters
--- Raises where the system has no random numbers.
--- Example: `local verifier, challenge = core.pkce()`
function core.pkce() end

--- 256 random bits, for the `state` of a sign-in (RFC 6749, 10.12).
---@return string  43 characters
--- Raises where the system has no random numbers.
--- Example: `local state = core.state()`
function core.state() end

--- Whether two texts are the same, in a time that tells their lengths only.
---@param left string
---@param right string
---@return boolean
--- Example: `core.equal(state, "what came back")`
function core.equal(left, right) end

--- Seals text so that only who knows the secret can read or change it (AES-256-GCM).
---@param secret string  long and random; not empty
---@param purpose string  tells one use of the secret from another; up to 256 bytes
---@param text string
---@return string|nil sealed  base64url; another one each time
---@return string|nil message
--- Example: `local sealed = assert(core.seal("not-a-secret", "example", "a text"))`
function core.seal(secret, purpose, text) end

--- Opens what `core.seal` made.
---@param secret string
---@param purpose string
---@param text string  sealed
---@return string|nil text
---@return string|nil message
--- Example: `core.unseal("not-a-secret", "example", sealed)` is the text, or nil and why not.
function core.unseal(secret, purpose, text) end

--- Seconds of a clock that never steps.
---@return number
--- Example: `local started = core.monotonic()`
function core.monotonic() end

--- What is at a path; symbolic links are followed.
---@param path string
---@return "file"|"directory"|"other"|nil kind  nil: nothing, or nothing that may be looked at
---@return integer|nil size  bytes
---@return number|nil changed  seconds since 1970 of its last change
--- Example: `local kind, size = core.file("orders.json")`
function core.file(path) end

--- Whether a descriptor is a terminal.
---@param fd integer  1 is standard output
---@return boolean
--- Example: `core.isatty(2)`
function core.isatty(fd) end

--- The value of a JSON text.
---@param text string
---@param options? { big_integers?: "float"|"text" }  beyond 64 bit; default "float"
---@return any value
---@return string|nil message
--- Example: `core.json_decode('{"id":5}').id` is the integer 5.
function core.json_decode(text, options) end

--- The JSON text of a value.
---@param value any
---@return string|nil text
---@return string|nil message  begins with the place: "at items[3].price: ..."
--- Example: `core.json_encode { 1, 2 }` gives "[1,2]".
function core.json_encode(value) end

--- Learns from the table of lua-cjson how it marks arrays; returns the metatable that arrays carry.
---@param cjson table
---@return table
--- Example: `core.json_arrays(require "cjson")`
function core.json_arrays(cjson) end

--- The claims of a JWT (RFC 7519) as they stand in it. Nothing is checked: see jwt_verify.
---@param token string
---@return string|nil json  an object
---@return string|nil message
--- Example: `local claims = core.json_decode(assert(core.jwt_claims(token)))`
function core.jwt_claims(token) end

---@class accs.core.JwtCheck  what a JWT has to be; text left out or empty is not looked at
---@field keys string  JWKS of the issuer (RFC 7517)
---@field issuer? string  claim iss
---@field audience? string  claim aud, alone or among others
---@field client? string  claim client_id, as Adobe's access tokens have it
---@field type? string  claim type, for example "access_token"
---@field now number  seconds since 1970, by the issuer's clock
---@field leeway? number  seconds that clocks may be apart, default 0

--- Checks signature (RS256 alone), times and claims of a JWT.
---@param token string
---@param check accs.core.JwtCheck  raises on another field
---@return string verdict  "good", or what is wrong first: "malformed", "algorithm", "key_unknown",
---  "signature", "issuer", "audience", "client", "type", "claims", "expired", "not_yet", "keys"
---  (unreadable), "memory"
---@return string text  what the verdict means
--- Example: `local verdict = core.jwt_verify(token, { keys = jwks, now = os.time() })`
function core.jwt_verify(token, check) end

---@class accs.core.RetryRow
---@field ending "never_sent"|"lost"|"answered"|"final"  how the attempt ended
---@field first_status? integer  with "answered": the statuses that the row is for, both included
---@field last_status? integer
---@field idempotent "no"|"yes"|"new_token"  whether calls that may be sent twice go again
---@field other "no"|"yes"|"new_token"  whether all others do
---@field outcome string  of the call, should it end with this attempt
---@field pauses_client boolean  the wait holds for the whole client
---@field heeds_wait boolean  a Retry-After that is too long ends the call as rate_limited
---@field uses_budget boolean  a repeat counts in the client's retry budget
---@field why string

--- The table that decides about every repeat; the first row that fits holds.
---@return accs.core.RetryRow[]
--- Example: `for _, row in ipairs(core.retry_table()) do print(row.ending, row.why) end`
function core.retry_table() end

---@class accs.core.Engine
local Engine = {}

--- The descriptor that is readable whenever step() has work to do. Only poll it.
---@return integer
--- Example: `local fd = engine:fd()`
function Engine:fd() end

--- How long a host may wait before step().
---@return number|nil seconds  nil: until the descriptor is ready
--- Example: `local seconds = engine:timeout()`
function Engine:timeout() end

--- Moves everything once.
---@param seconds? number  the longest wait; nil: until something happens, or a signal arrives
---@return true|nil ok
---@return accs.core.Failure|nil failure
--- Example: `assert(engine:step(0.1))`
function Engine:step(seconds) end

--- Takes the next thing out of the queue; nothing when it is empty.
--- "done", id, reply|nil, failure|nil: a call ended. "timer", id, ended: a timer did (false:
--- cancelled). "event", client handle, accs.Event: something was observed. "body", id: bytes of a
--- streamed answer wait for read(). "wish", id, from_start: a call wants bytes of its source by
--- feed(), from the first byte on where from_start is true. "hook", id, accs.core.Hook: the core
--- asks a function of the program, and waits for settle().
---@return "done"|"timer"|"event"|"body"|"wish"|"hook"|nil kind
---@return integer|nil id
---@return accs.core.Reply|boolean|table|nil a
---@return accs.core.Failure|nil b
--- Example: `for kind, id, reply, failure in function() return engine:next() end do ... end`
function Engine:next() end

---@class accs.core.Hook  what a function of the program is asked for
---@field kind "secret"|"load"|"save"|"remove"|"lock"|"unlock"
---@field host integer  its number in accs.hosts
---@field key? string  of the entry: letters, digits and "-"
---@field owner? string  of lock and unlock
---@field ttl? number  seconds; of save and lock; nil: without end
---@field bytes? string  of save: sealed

--- Answers a "hook". One that is not known, or nobody waits for any more, is ignored.
---@param id integer
---@param problem? string  nil: it worked; else why not, in a few words without a secret
---@param ... string  at most 8. "secret": one or more; "load": the bytes, or none; "lock": any one
---  when it was had, none when another has it
---@return true|nil ok
---@return accs.core.Failure|nil failure
--- Example: `assert(engine:settle(id, nil, "not-a-secret"))`
function Engine:settle(id, problem, ...) end

--- Starts a timer.
---@param seconds number
---@return integer|nil id
---@return accs.core.Failure|nil failure
--- Example: `local id = assert(engine:timer(0.5))`
function Engine:timer(seconds) end

--- Ends a call or a timer: it comes out of the queue as cancelled. Others are ignored.
---@param id integer
--- Example: `engine:cancel(id)`
function Engine:cancel(id) end

--- Takes bytes of a streamed answer and lets the transfer go on. After a "body" no other comes for
--- the call until this was called; what is left at the end is the body of the reply.
---@param id integer
---@return string|nil bytes  nil when none wait (any more)
--- Example: `local bytes = engine:read(id)`
function Engine:read(id) end

--- The status of the answer that is being streamed, and the first value of each named header.
---@param id integer
---@param ... string  names of headers
---@return integer|nil status  nil when no body is being streamed
---@return string|nil ...
--- Example: `local status, etag = engine:answer(id, "etag")`
function Engine:answer(id, ...) end

--- Answers a "wish" with the next bytes of the request's body. An id that is not known or has ended
--- is ignored.
---@param id integer
---@param bytes? string  at most 256 KB; nil: the body is complete
---@return true|nil ok
---@return accs.core.Failure|nil failure  nobody asked, or too many bytes at a time
--- Example: `assert(engine:feed(id, "bytes")) ... assert(engine:feed(id))`
function Engine:feed(id, bytes) end

--- The number of calls and timers that next() has not given yet.
---@return integer
--- Example: `while engine:pending() > 0 do engine:step() engine:next() end`
function Engine:pending() end

--- Whether the engine can be used: false in a forked child, where it refuses all but close().
---@return boolean
--- Example: `if not engine:usable() then engine = assert(core.engine()) end`
function Engine:usable() end

--- Sets the function that close() calls before anything else. Not called by the collector.
---@param f fun()
--- Example: `engine:on_close(function() print("closed") end)`
function Engine:on_close(f) end

--- Closes the engine and what lives on it. A second time does nothing.
--- Example: `engine:close()`
function Engine:close() end

---@class accs.core.Client
local Client = {}

--- Starts a call; it ends as one "done" of the engine, unless this fails. Raises on a field that
--- is not listed below, or of another type.
---@param request accs.core.Request
---@return integer|nil id
---@return accs.core.Failure|nil failure
--- Example: `local id = assert(client:start { method = "GET", path = "/V1/store/storeConfigs" })`
function Client:start(request) end

---@class accs.core.Request
---@field method string  GET HEAD POST PUT PATCH DELETE
---@field path string  percent-encoded, with its query
---@field headers? table<string, string>
---@field store? string
---@field body? string
---@field content_type? string  default application/json
---@field idempotent? boolean  default: as the method says
---@field connect_timeout? number  seconds
---@field idle_timeout? number  seconds
---@field timeout? number  seconds
---@field attempts? integer
---@field max_retry_after? number  seconds
---@field backoff? number  seconds of the first back-off
---@field max_backoff? number  seconds
---@field max_body? integer  bytes
---@field max_headers? integer  bytes
---@field stream? boolean  true: the body of a 2xx comes by read(), without limit unless max_body
---@field source? true|integer  the body comes by feed(); its bytes where they are known
---@field replayable? boolean  true: the source can begin again, for another attempt
---@field request_id? string  1 to 128 visible ASCII characters, sent as x-request-id

--- What the client did since it was made.
---@return accs.core.Stats
--- Example: `print(client:stats().attempts)`
function Client:stats() end

--- See accs.Stats in accs.stats for what each number means.
---@class accs.core.Stats
---@field started integer  calls
---@field ended table<string, integer>  calls by "ok" or kind of error; all are there
---@field in_flight integer
---@field waiting integer
---@field attempts integer
---@field retries integer
---@field throttles integer
---@field spent table<string, number>  seconds by token, throttle, place, transfer, backoff
---@field bytes_in integer
---@field bytes_out integer
---@field connections_opened integer
---@field connections_reused integer
---@field tokens { acquired: integer, refreshed: integer, failed: integer }
---@field events_dropped integer
---@field latency { count: integer, sum: number, max: number, p50: number, p90: number,
---  p99: number, buckets: { le: number, count: integer }[] }

--- Makes every call of this client wait at least so long.
---@param seconds number
--- Example: `client:throttle(30)`
function Client:throttle(seconds) end

--- A number that tells this client's events from those of others.
---@return integer
--- Example: `local handle = client:handle()`
function Client:handle() end

--- Replaces this client's secret and access token in a text from outside by `***`.
---@param text string  without NUL bytes
---@return string
--- Example: `print(client:redact(message))`
function Client:redact(text) end

--- Ends its calls as cancelled and wipes its secrets. A second time does nothing.
--- Example: `client:close()`
function Client:close() end

---@class accs.core.Auth
local Auth = {}

--- Starts a job; it ends as one "done" of the engine, unless this fails. With a reply: validate,
--- keys and user_info.
---@param job "token"|"load"|"refresh"|"validate"|"revoke"|"clear"|"keys"|"user_info"
---@param seconds? number  of the whole job; default: the timeout of the credentials
---@return integer|nil id
---@return accs.core.Failure|nil failure
--- Example: `local id = assert(auth:start("token"))`
function Auth:start(job, seconds) end

--- A token, where there is one that lives. It is a secret.
---@param which "access_token"|"id_token"
---@return string|nil token
--- Example: `local token = auth:read("access_token")`
function Auth:read(which) end

--- The claims of a token, unchecked.
---@param which "access_token"|"id_token"
---@return string|nil json  nil: there is no such token, or it is no JWT
---@return string|nil message
--- Example: `local text = auth:claims("id_token")`
function Auth:claims(which) end

--- Checks a token as core.jwt_verify does.
---@param which "access_token"|"id_token"
---@param check accs.core.JwtCheck
---@return string|nil verdict  nil: there is no such token
---@return string text
--- Example: `local verdict, text = auth:verify("access_token", { keys = keys, now = os.time() })`
function Auth:verify(which, check) end

--- What is known of the tokens.
---@return accs.AuthState
--- Example: `print(auth:state().left)`
function Auth:state() end

--- A number that tells events of these credentials from those of others.
---@return integer
--- Example: `local handle = auth:handle()`
function Auth:handle() end

--- Replaces its secrets and tokens in a text from outside by `***`.
---@param text string  without NUL bytes
---@return string
--- Example: `print(auth:redact(message))`
function Auth:redact(text) end

--- Ends its jobs as cancelled. A second time does nothing.
--- Example: `auth:close()`
function Auth:close() end

---@class accs.core.Reply
local Reply = {}

--- The HTTP status.
---@return integer
--- Example: `reply:status()`
function Reply:status() end

--- Requests that left for this call.
---@return integer
--- Example: `reply:attempts()`
function Reply:attempts() end

--- Seconds of the whole call.
---@return number
--- Example: `reply:elapsed()`
function Reply:elapsed() end

--- The address, without user name, password and token.
---@return string
--- Example: `reply:url()`
function Reply:url() end

--- The body, inflated.
---@return string
--- Example: `reply:body()`
function Reply:body() end

--- Bytes of the body, without making a string of it.
---@return integer
--- Example: `reply:size()`
function Reply:size() end

--- The headers as received.
---@return { [1]: string, [2]: string }[]
--- Example: `for _, pair in ipairs(reply:headers()) do print(pair[1], pair[2]) end`
function Reply:headers() end

--- The first value of a header.
---@param name string  in any case
---@return string|nil
--- Example: `reply:header("content-type")`
function Reply:header(name) end

--- The value of the body's JSON; nil and "empty" where there is no body.
---@return any value
---@return string|nil message
--- Example: `local data = reply:decode()`
function Reply:decode() end

--- Frees it at once instead of with the next collection.
--- Example: `reply:close()`
function Reply:close() end

--- Listens for the redirect of a sign-in, on this machine only. With https a certificate is made on
--- the spot.
---@param redirect_uri? string  its host localhost, 127.0.0.1 or [::1]; nil: listens nowhere, for
---  `loopback:wait` alone
---@return accs.core.Loopback|nil loopback
---@return accs.core.Failure|nil failure
--- Example: `local loopback <close> = assert(core.loopback("https://localhost:8443/callback"))`
function core.loopback(redirect_uri) end

---@class accs.core.Loopback
local Loopback = {}

--- Waits for the redirect, or for input. Blocks. Whatever else comes to the port does not end it.
---@param seconds? number  nil: until something happens
---@param fd? integer  a descriptor to read as well: 0 is standard input
---@return "redirect"|"input"|nil what  nil: the time is over, or a signal arrived
---@return string|accs.core.Failure|nil text  the query, or what was read; nil: the input has ended.
---  With nothing before it: a failure, where waiting is not possible
--- Example: `local what, text = loopback:wait(60, 0)`
function Loopback:wait(seconds, fd) end

--- Shows the browser a page that ends the redirect which `wait` gave last.
---@param page "accepted"|"failed"|"foreign"  foreign: not the sign-in that is waited for
--- Example: `loopback:answer("accepted")`
function Loopback:answer(page) end

--- Stops listening. A second time does nothing.
--- Example: `loopback:close()`
function Loopback:close() end

return core
