-- Answers that are whole, and say no, wait, or go elsewhere.
local fault = require "spec.support.fault"
local matrix = require "spec.support.matrix"

local reply = fault.reply

local rows = {}
local function add(name, steps, read, write, more)
  rows = matrix.join(rows, matrix.both(name, steps, read, write, more))
end

-- The same comes of both.
local function add_same(name, steps, want, more)
  add(name, steps, want, want, more)
end

-- Statuses: those that may pass are asked for again by a read.
local function refused(status, kind)
  return { kind = kind or "http", outcome = "refused", status = status, count = 1, sends = 1 }
end

for _, status in ipairs { 400, 402, 404, 405, 409, 410, 418, 422, 451, 499 } do
  add_same("HTTP " .. status, { reply(status, '{"message":"no"}') }, refused(status))
end
add_same("HTTP 401 with a ready token", { reply(401, '{"message":"no"}') }, refused(401, "auth"))
add_same("HTTP 403", { reply(403, '{"message":"no"}') }, refused(403, "auth"))
add("HTTP 408", { reply(408, "{}") }, { kind = "http", status = 408, count = 2 },
  { kind = "http", outcome = "refused", status = 408, count = 1 })
for _, status in ipairs { 500, 502, 503, 504 } do
  add("HTTP " .. status, { reply(status, "{}") },
    { kind = "http", outcome = "unknown", status = status, count = 2, sends = 2 },
    { kind = "http", outcome = "unknown", status = status, count = 1, sends = 1 })
end
for _, status in ipairs { 501, 505, 599 } do
  add_same("HTTP " .. status, { reply(status, "{}") },
    { kind = "http", outcome = "unknown", status = status, count = 1 })
end
add_same("HTTP 206 that nobody asked for", { reply(206, "{}") }, { kind = "ok", status = 206,
  count = 1 })

-- What is not of the API.
local HTML = { ["Content-Type"] = "text/html" }
add_same("HTML with 200", { reply(200, "<html><title>Login</title></html>", HTML) },
  { kind = "gateway", outcome = "unknown", status = 200, count = 1 })
add_same("HTML with 403", { reply(403, "<html>", HTML) },
  { kind = "gateway", outcome = "refused", status = 403, count = 1 })
add("HTML with 503", { reply(503, "<html>", HTML) },
  { kind = "gateway", outcome = "unknown", status = 503, count = 2 },
  { kind = "gateway", outcome = "unknown", status = 503, count = 1 })
for _, case in ipairs {
  { "garbage that calls itself JSON", "\1\2\3garbage" },
  { "truncated JSON", '{"items":[{"sku":' },
  { "two JSON documents", "{}{}" },
  { "a bad UTF-8 byte in JSON", '{"a":"\xff"}' },
  { "JSON with NUL behind it", "{}\0" },
  { "JSON nested 100,000 deep", ("["):rep(100000) },
} do
  add_same(case[1], { reply(200, case[2]) }, { kind = "decode", outcome = "done", count = 1 })
end

-- Redirects: refused, and nothing of ours reaches the other place.
local function location(value)
  return { Location = value }
end

for _, status in ipairs { 301, 302, 303, 307, 308 } do
  for _, place in ipairs {
    { "to another origin", "http://127.0.0.1:$SECOND/tenant/V1/x" },
    { "on this origin", "/tenant/V1/y" },
  } do
    add_same(("HTTP %d %s"):format(status, place[1]), { reply(status, "", location(place[2])) },
      { kind = "redirect", status = status, count = 1, sends = 1, second = 0 },
      { second = {} })
  end
end
for _, case in ipairs {
  { "without a place", {} },
  { "to another scheme", location "ftp://example.com/x" },
  { "to a host with a password", location "https://user:example-not-a-secret@example.com/" },
  { "to itself", location "/tenant/V1/x" },
} do
  add_same("HTTP 302 " .. case[1], { reply(302, "", case[2]) },
    { kind = "redirect", status = 302, count = 1 },
    { verify = function(_, got)
      if tostring(got.err):find("not-a-secret", 1, true) then
        error("the password shows", 0)
      end
    end })
end

-- Limits of rate. A 429 was refused before it was acted on, so a write goes again too.
local function limited(value, status)
  return { reply(status or 429, "{}", value and { ["Retry-After"] = value }) }
end

local function http_date(seconds)
  return os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + seconds)
end

local again = { kind = "ok", count = 2, sends = 2 }
local function waits(name, first, min_seconds, seconds)
  local want = { min_seconds = min_seconds, seconds = seconds }
  for field, value in pairs(again) do
    want[field] = value
  end
  add("429, Retry-After " .. name, {}, want, want, { server = { entries = { first, fault.ok } } })
end

waits("0", limited "0", 0, 0.8)
waits("1", limited "1", 1, 2.5)
waits("with blanks around it", limited "  1 \t", 1, 2.5)
waits("missing", limited(), 0, 1.5)
waits("gone by as a date", limited "Sun, 06 Nov 1994 08:49:37 GMT", 0, 0.8)
waits("gone by in RFC 850's form", limited "Sunday, 06-Nov-94 08:49:37 GMT", 0, 0.8)
waits("gone by in asctime's form", limited "Sun Nov  6 08:49:37 1994", 0, 0.8)
for _, value in ipairs { "abc", "-1", "1.5", "", "1, 2", "0x10", "1s", "30 Feb 2031",
  "Mon, 30 Feb 2099 00:00:00 GMT", "Sun, 06 Nov 2099 08:49:37 PST" } do
  waits(("that is %q: a back-off"):format(value), limited(value), 0, 1.5)
end
local function doubled(...)
  return { fault.send(fault.head("429 Too Many", "Content-Length: 0", ...)) }
end
waits("twice, 0 and 1: the longer one", doubled("Retry-After: 0", "Retry-After: 1"), 1, 2.5)
waits("twice, 1 and 0: the longer one", doubled("Retry-After: 1", "Retry-After: 0"), 1, 2.5)
waits("twice, one that cannot be read", doubled("Retry-After: soon", "Retry-After: 1"), 1, 2.5)

-- Too long to wait: the caller decides, at once, and the client stays paused.
local function paused(world)
  local response, err = world.client:get("/V1/x", { timeout = 10 })
  if response or err.kind ~= "rate_limited" or err.outcome ~= "not_sent" then
    error("the client does not stay paused: " .. tostring(err), 0)
  end
end
for _, case in ipairs {
  { "61 seconds", "61", 61 },
  { "400 days", tostring(400 * 86400), 400 * 86400 },
  { "a time in milliseconds since 1970", "1763736742000" },
  { "a number of 40 digits", ("9"):rep(40) },
  { "a date in 400 days", http_date(400 * 86400), 400 * 86400 },
  { "a date in the year 9999", "Fri, 31 Dec 9999 23:59:59 GMT" },
} do
  for _, status in ipairs { 429, 503 } do
    add(("%d, Retry-After of %s"):format(status, case[1]), limited(case[2], status),
      { kind = "rate_limited", status = status, count = 1, sends = 1, seconds = 1 },
      { kind = "rate_limited", outcome = status == 429 and "refused" or "unknown", status = status,
        count = 1, sends = 1, seconds = 1 },
      { after = false, verify = function(world, got)
        paused(world)
        if case[3] and math.abs(got.err.retry_after - case[3]) > 60 then
          error("retry_after is " .. tostring(got.err.retry_after), 0)
        end
      end })
  end
end
rows = matrix.join(rows, matrix.each({ name = "Retry-After beyond the call's deadline",
  server = { entries = { limited "59" } }, call = { timeout = 2 }, after = false }, {
  { want = { kind = "rate_limited", count = 1, seconds = 1 } },
  { method = "POST", want = { kind = "rate_limited", outcome = "refused", count = 1,
    seconds = 1 } },
}))

-- Storms.
for _, storm in ipairs {
  { "429s", limited "0", "rate_limited", "refused", 5 },
  { "429s without Retry-After", limited(), "rate_limited", "refused", 5 },
  { "503s with Retry-After", limited("0", 503), "http", "unknown", 1 },
} do
  rows = matrix.join(rows, matrix.each({ name = "nothing but " .. storm[1],
    client = { attempts = 5 }, server = { entries = { storm[2] } } }, {
    { want = { kind = storm[3], count = 5, sends = 5, seconds = 12 }, after = false },
    { method = "POST", want = { kind = storm[3], outcome = storm[4], count = storm[5],
      seconds = 12 }, after = false },
  }))
end

return rows
