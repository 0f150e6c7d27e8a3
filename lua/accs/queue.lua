--- A queue: what goes in first comes out first, each in constant time.
local queue = {}

---@class accs.Queue  its entries stand at the integers from `first` to `last`
---@field first integer
---@field last integer

--- Makes an empty queue.
---@return accs.Queue
function queue.new()
  return { first = 1, last = 0 }
end

--- Puts a value, which is not nil, at the end.
---@param list accs.Queue
---@param value any
function queue.push(list, value)
  local last = list.last + 1
  list.last = last
  list[last] = value
end

--- Takes the first value; nil when there is none.
---@param list accs.Queue
---@return any
function queue.pop(list)
  local first = list.first
  if first > list.last then
    return nil
  end
  local value = list[first]
  list[first] = nil
  list.first = first + 1
  return value
end

return queue
