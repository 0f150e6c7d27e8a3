--- What becomes of a write whose fate is unknown: the caller looks, and only what surely did not
--- happen is sent again. The means to send it stand beside the error object, not in it, so that
--- nothing that prints, walks or encodes an error meets the data of its call.
local errors = require "accs.error"

local confirm = {}

---@class accs.confirm.Record
---@field owner table  tells the client whose call it was
---@field again? fun(client: accs.Client): accs.Response|nil, accs.Error|nil  nil: its body is gone
---@field used? boolean  it was sent again already
local records = setmetatable({}, { __mode = "k" }) -- by error object; they go with it

--- Remembers how to send the call of an error again. For accs.client.
---@param err accs.Error
---@param owner table
---@param again? function
--- Example: `confirm.keep(err, client._mark, function(self) return send(self, call, opts) end)`
function confirm.keep(err, owner, again)
  records[err] = { owner = owner, again = again }
end

-- What the probe says: "found" and its value, "absent", or "failed" and why.
local function look(client, err, probe)
  local said = table.pack(pcall(probe, client, err))
  local ok, value, problem = said[1], said[2], said[3]
  if not ok then
    if not errors.is(value) or value.kind == "cancelled" then
      error(value, 0) -- a mistake of the program, or the end of its task
    end
    return "failed", value
  elseif value then
    return "found", value
  elseif problem ~= nil then
    return "failed", problem
  elseif value == nil then -- as `local found = client:get(...) return found` does in an outage
    return "failed", "it returned nothing (false says that it surely did not)"
  end
  return "absent"
end

-- The error once more, with what is known now.
local function with(err, fields)
  local made = {}
  for name, value in next, err do
    made[name] = value
  end
  made.traceback = nil
  for name, value in next, fields do
    made[name] = value
  end
  return errors.new(made)
end

local function look_up_failed(err, problem)
  local failed = with(err, {
    message = ("%s; nor could be found out whether it happened: %s"):format(err.message,
      errors.is(problem) and problem.message or errors.first_line(problem)),
    cause = problem,
  })
  records[failed] = records[err]
  return failed
end

--- See `client:confirm`. For accs.client.
---@param client accs.Client
---@param owner table  the client's own, as given to `keep`
---@param err accs.Error
---@param probe function
---@return any result
---@return accs.Error|nil problem
---@return "found"|"repeated"|nil how
--- Example: `return confirm.run(self, self._mark, err, probe)`
function confirm.run(client, owner, err, probe)
  local record = records[err]
  if err.outcome ~= "unknown" or err.method == "GET" or err.method == "HEAD" then
    return nil, err -- nothing is in doubt
  elseif record and record.owner ~= owner then
    errors.misuse("confirm: the error is of another client's call")
  end
  local answer, value = look(client, err, probe)
  if answer == "found" then
    return value, nil, "found"
  elseif answer == "failed" then
    return nil, look_up_failed(err, value)
  elseif not record or not record.again then
    return nil, with(err, { outcome = "not_sent", retryable = true,
      message = "it did not happen; make the call anew: what it sent is not kept, so it cannot be "
        .. "sent again from here" })
  elseif record.used then -- by another task, while this one looked
    return nil, with(err, { message = "it was sent again already, by another confirm" })
  end
  record.used = true
  local response, problem = record.again(client)
  record.used = response ~= nil or problem.outcome ~= "not_sent"
  return response, problem, response and "repeated" or nil
end

return confirm
