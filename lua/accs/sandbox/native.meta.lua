---@meta accs.sandbox.native
-- What csrc/sandbox offers to Lua. Never loaded; editors read it.

---@class accs.sandbox.native
---@field crypto accs.sandbox.native.crypto
---@field database accs.sandbox.native.database
---@field http accs.sandbox.native.http
---@field json accs.sandbox.native.json
---@field process accs.sandbox.native.process
local native = {}

--- RSA, SHA-256, random bytes and base64url, by OpenSSL. OpenSSL's failures raise.
---@class accs.sandbox.native.crypto
local crypto = {}

--- A new RSA pair of 2048 bits.
---@return accs.sandbox.Key
function crypto.key() end

--- The SHA-256 hash.
---@param bytes string
---@return string bytes  32 of them
function crypto.sha256(bytes) end

--- Random bytes.
---@param count integer  from 1 to 1024
---@return string
function crypto.random(count) end

--- base64url without padding (RFC 4648, 5).
---@param bytes string
---@return string
function crypto.base64url(bytes) end

--- The bytes of a base64url text.
---@param text string  without padding
---@return string|nil  nil for any other text
function crypto.from_base64url(text) end

--- Compares in a time that tells the lengths only.
---@param a string
---@param b string
---@return boolean
function crypto.equal(a, b) end

---@class accs.sandbox.Key
local Key = {}

--- An RS256 signature (RFC 7518, 3.3).
---@param bytes string
---@return string
function Key:sign(bytes) end

--- Whether a signature is this key's.
---@param bytes string
---@param signature string
---@return boolean
function Key:verify(bytes, signature) end

--- The public key (RFC 7518, 6.3.1).
---@return string modulus  bytes, the largest first
---@return string exponent
function Key:public() end

--- Frees the key; a second call does nothing.
function Key:close() end

--- SQLite with bound parameters. Its errors raise, with SQLite's message.
---@class accs.sandbox.native.database
local database = {}

--- Opens a database, making the file if there is none.
---@param path string  a file, or ":memory:"
---@return accs.sandbox.Database
function database.open(path) end

---@alias accs.sandbox.SqlValue nil|boolean|integer|number|string

---@class accs.sandbox.Database
local Database = {}

--- Runs several statements without parameters.
---@param sql string
function Database:exec(sql) end

--- Runs one statement.
---@param sql string
---@param ... accs.sandbox.SqlValue  for the `?` marks
---@return integer changes
---@return integer last_id
function Database:run(sql, ...) end

--- The first row.
---@param sql string
---@param ... accs.sandbox.SqlValue
---@return accs.sandbox.SqlValue ...  nothing when there is no row
function Database:row(sql, ...) end

--- An iterator over all rows.
---@param sql string
---@param ... accs.sandbox.SqlValue
---@return fun(): accs.sandbox.SqlValue ...
function Database:rows(sql, ...) end

--- Closes it; a second call does nothing.
function Database:close() end

--- HTTP on loopback, by libmicrohttpd.
---@class accs.sandbox.native.http
local http = {}

--- Listens on 127.0.0.1. From here on SIGTERM, SIGINT and SIGCHLD wait for `run`.
---@param port integer  0: the system picks a free one
---@return accs.sandbox.Server|nil server
---@return string|nil message
function http.listen(port) end

---@class accs.sandbox.Server
local Server = {}

--- The port it listens on.
---@return integer
function Server:port() end

--- Serves until standard input ends, a signal comes or the child ends. An error of the handler is
--- printed to standard error and answered with status 500.
---@param options { handler: accs.sandbox.Handler, gzip_above?: integer, stdin?: boolean,
---  child?: integer }  gzip_above: compress larger replies when asked for (bytes; 0: never)
---@return "stdin"|"signal"|"child" reason
---@return integer number  of the signal, or the child's exit code (128 + signal)
function Server:run(options) end

--- Closes the socket and every connection; a second call does nothing.
function Server:close() end

---@alias accs.sandbox.Handler fun(method: string, path: string, query: string,
---  headers: table<string, string>, body: string): integer, table<string, string>?, string?,
---  { kind: "reset"|"close"|"truncate"|nil, delay: number? }?

--- One level of a JSON text.
---@class accs.sandbox.native.json
local split = {}

--- Splits valid JSON into slices; keys are the raw text between the quotes.
---@param text string
---@param wanted? table<string, any>  of an object, return only the members whose key is in it
---@return "object"|"array"|"scalar" kind
---@return string[]|nil first  keys of an object, values of an array
---@return string[]|nil second  values of an object
function split.split(text, wanted) end

---@class accs.sandbox.native.process
local process = {}

--- Starts a program; signals are as a shell would leave them.
---@param arguments string[]  the first is looked up in PATH
---@param environment string[]  "NAME=value", on top of this process's own
---@return integer|nil pid
---@return string|nil message  "interrupted!" where a SIGINT was waiting already
function process.spawn(arguments, environment) end

--- Whether a file descriptor is a terminal.
---@param fd integer
---@return boolean
function process.isatty(fd) end

--- The wall clock.
---@return integer  milliseconds since 1970-01-01 UTC
function process.now_ms() end

return native
