-- The server of the soak: it acts on requests, counts for each number how often it did, and does
-- one of twenty requests wrong, on real sockets.
--
--     lua5.4 spec/soak/server.lua SHARE
--
-- Prints PORT=<n>. A line on standard input asks for the counts: the answer is one digit for each
-- number from 1 on, then the faults as "name=count" words. It stops when standard input closes.
local loop = require "spec.support.loop"

local Connection = require "spec.support.fault_connection"

local SHARE = tonumber(arg[1]) or 0.05

local acted, last, faults = {}, 0, {}

local function answer(status, body, headers)
  return ("HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s")
    :format(status, #body, headers or "", body)
end

local function act(number)
  acted[number] = (acted[number] or 0) + 1
  last = math.max(last, number)
end

-- Each: name, weight, and what it does: true when the connection lives on.
local FAULTS = {
  { "reset before acting", 20, function(connection)
    connection:linger_not()
  end },
  { "closed before acting", 10, function() end },
  { "reset after acting", 10, function(connection, number)
    act(number)
    connection:linger_not()
  end },
  { "closed after acting", 10, function(_, number)
    act(number)
  end },
  { "503", 20, function(connection)
    return connection:send(answer("503 Service Unavailable", '{"message":"later"}'))
  end },
  { "429 with Retry-After: 0", 14, function(connection)
    return connection:send(answer("429 Too Many Requests", "{}", "Retry-After: 0\r\n"))
  end },
  { "429 with Retry-After: 1", 0.5, function(connection)
    return connection:send(answer("429 Too Many Requests", "{}", "Retry-After: 1\r\n"))
  end },
  { "truncated body", 20, function(connection, number, body)
    act(number)
    connection:send(answer("200 OK", body):sub(1, -8))
  end },
  { "stall after acting", 3, function(connection, number)
    act(number)
    while connection:receive() do
      connection.buffer = ""
    end
  end },
  { "closed after the answer", 12.5, function(connection, number, body)
    act(number)
    connection:send(answer("200 OK", body))
  end },
}
local WEIGHTS = 0
for _, fault in ipairs(FAULTS) do
  WEIGHTS = WEIGHTS + fault[2]
end

local function choose()
  if math.random() >= SHARE then
    return nil
  end
  local at = math.random() * WEIGHTS
  for _, fault in ipairs(FAULTS) do
    at = at - fault[2]
    if at < 0 then
      return fault
    end
  end
end

local function serve_one(connection)
  local head = connection:take_until("\r\n\r\n")
  local body = head and connection:take_body(head)
  if not body then
    return false
  end
  local method, number = head:match("^(%u+) /tenant/V1/soak/(%d+) ")
  number = math.tointeger(tonumber(number))
  -- Who asks has to get its own answer: method, number and what it sent.
  local text = ('{"method":"%s","number":%d,"sent":%s}'):format(method, number,
    body ~= "" and body or "null")
  local fault = choose()
  if fault then
    faults[fault[1]] = (faults[fault[1]] or 0) + 1
    return fault[3](connection, number, text)
  end
  act(number)
  return connection:send(answer("200 OK", text))
end

local port = loop.listen(function(sock)
  local connection = Connection.new(sock)
  repeat until not serve_one(connection)
  connection:close()
end)

loop.start(function()
  local input = { getfd = function() return 0 end, dirty = function() return false end }
  while true do
    loop.wait(input, "read")
    if not io.read("l") then
      os.exit(0)
    end
    local digits, words = {}, {}
    for number = 1, last do
      digits[number] = math.min(acted[number] or 0, 9)
    end
    for name, count in pairs(faults) do
      words[#words + 1] = ("%s=%d"):format(name, count)
    end
    table.sort(words)
    io.write(table.concat(digits), "\n", table.concat(words, "; "), "\n")
    io.flush()
  end
end)

io.write("PORT=", port, "\n")
io.flush()
loop.run()
