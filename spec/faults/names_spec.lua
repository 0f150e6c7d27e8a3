-- Name servers that fail, lie or stay silent: one program in namespaces of its own, whose only name
-- server is itself. A name's first label says how it is answered.
local native = require "spec.support.native"
local run = require "spec.support.run"

local SLOW = tonumber(os.getenv("SPEC_SLOW")) or 1
local TIMEOUT = 4 * SLOW -- seconds of each call

local program = [[
  assert(native.loopback_up())
  local accs = require "accs"
  local core = require "accs.core"
  local server = assert(require("socket").udp4())
  assert(server:setsockname("127.0.0.1", 53))
  server:settimeout(0)

  -- The question of a query as bytes, and the type that it asks for.
  local function question(query)
    local at = 13
    while query:byte(at) ~= 0 do
      at = at + 1 + query:byte(at)
    end
    return query:sub(13, at + 4), (string.unpack(">I2", query, at + 1))
  end

  local function reply(query, code, records)
    return query:sub(1, 2) .. string.pack(">I2I2I2I2I2", 0x8180 | code, 1, records and 1 or 0, 0, 0)
      .. (question(query)) .. (records or "")
  end

  local NAME, LOOPBACK = "\xc0\12", "\127\0\0\1"
  local kinds = {
    nxdomain = function(query) return reply(query, 3) end,
    servfail = function(query) return reply(query, 2) end,
    refused = function(query) return reply(query, 5) end,
    empty = function(query) return reply(query, 0) end,
    silent = function() end,
    garbage = function() return "what?" end,
    foreign = function(query) return "xx" .. reply(query, 3):sub(3) end,
    late = function(query) accs.sleep(0.3) return reply(query, 3) end,
    here = function(query, kind)
      return kind ~= 1 and reply(query, 0)
        or reply(query, 0, NAME .. string.pack(">I2I2I4s2", 1, 1, 1, LOOPBACK))
    end,
    nowhere6 = function(query, kind)
      return kind == 28 and reply(query, 0, NAME .. string.pack(">I2I2I4s2", 28, 1, 1,
        "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"))
        or reply(query, 0, NAME .. string.pack(">I2I2I4s2", 1, 1, 1, LOOPBACK))
    end,
  }
  local asked = {}
  local function answer(query, address, port)
    local label = string.unpack("s1", query, 13)
    local _, kind = question(query)
    asked[label] = (asked[label] or 0) + 1
    local bytes = kinds[label] and kinds[label](query, kind)
    if bytes then
      server:sendto(bytes, address, port)
    end
  end
  local over = false
  local serving = accs.spawn(function()
    while not over do
      local query, address, port = server:receivefrom()
      if query then
        accs.spawn(answer, query, address, port)
      else
        accs.sleep(0.01)
      end
    end
  end)

  local calls = {}
  for label in pairs(kinds) do
    for _, method in ipairs { "GET", "POST" } do
      calls[#calls + 1] = function()
        local client = accs.client { dotenv = false, access_token = "example", attempts = 2,
          timeout = TIMEOUT, base_url = "https://" .. label .. ".example.com/t" }
        local started = core.monotonic()
        local _, err = client:request { method = method, path = "/V1/x" }
        io.write(method, " ", label, " ", err.kind, " ", err.outcome, " ", err.attempts, " ",
          core.monotonic() - started, " ", asked[label] or 0, "\n")
        client:close()
      end
    end
  end
  assert(accs.all(calls))
  over = true
  serving:wait()
]]

local prefix = { "unshare", run.first_line("id -u") == "0" and "-mnu" or "-rmnu", "sh", "-c",
  [[echo nowhere.example.com >/proc/sys/kernel/hostname
  [ ! -e /etc/resolv.conf ] || mount --bind "$RESOLV" /etc/resolv.conf; exec "$0" "$@"]] }

-- label, kind, least and most seconds; nothing was ever sent.
local soon = { "network", 0, 3.5 }
local deadline = { "timeout", TIMEOUT - 0.1, (TIMEOUT + 1) / SLOW }
local cases = {
  { "nxdomain", "a name that does not exist", soon },
  { "servfail", "a name server that fails", soon },
  { "refused", "a name server that refuses", soon },
  { "empty", "a name without an address", soon },
  { "late", "a name server that is slow to say no", soon },
  { "here", "a name whose address refuses", soon },
  { "nowhere6", "a name with an IPv6 address that cannot be reached and an IPv4 one that refuses",
    soon },
  { "silent", "a name server that never answers", deadline },
  { "garbage", "a name server that sends no DNS", soon },
  { "foreign", "answers to questions that nobody asked", deadline },
}

describe("faults, names:", function()
  local ends = {}

  setup(function()
    local dir <close> = run.temp_dir()
    local resolv = run.write_file(dir.path .. "/resolv.conf", "nameserver 127.0.0.1\n")
    local result = native.run((program:gsub("TIMEOUT", tostring(TIMEOUT))),
      { prefix = prefix, env = { RESOLV = resolv }, timeout = 20 + 5 * TIMEOUT // 1 })
    assert(result.code == 0 and result.err == "", result.err)
    for line in result.out:gmatch("[^\n]+") do
      local method, label, kind, outcome, sends, seconds, asked =
        line:match("^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$")
      ends[method .. " " .. label] = { kind = kind, outcome = outcome, sends = tonumber(sends),
        seconds = tonumber(seconds), asked = tonumber(asked) }
    end
  end)

  for _, method in ipairs { "GET", "POST" } do
    for _, case in ipairs(cases) do
      it(method .. ": " .. case[2], function()
        local label, want = case[1], case[3]
        local got = assert(ends[method .. " " .. label], "no end")
        assert.same({ want[1], "not_sent", 0 }, { got.kind, got.outcome, got.sends })
        assert.is_true(got.asked > 0)
        assert.is_true(got.seconds >= want[2] and got.seconds <= want[3] * SLOW,
          "it took " .. got.seconds)
      end)
    end
  end
end)
