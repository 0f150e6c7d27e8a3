--- A queue of tables that link each other: what goes in first comes out first. Adding one that has
--- the field `next_queued` needs no memory, so that nobody is lost where that runs out.
local queue = {}

---@class accs.Queue
---@field first table|false
---@field last table|false
---@field pushed integer  how many ever went in
---@field popped integer  how many came out

--- Makes an empty queue.
---@return accs.Queue
function queue.new()
  return { first = false, last = false, pushed = 0, popped = 0 }
end

--- Puts a table, which is in no queue, at the end.
---@param list accs.Queue
---@param entry table  its field `next_queued` belongs to the queue
function queue.push(list, entry)
  entry.next_queued = false
  if list.last then
    list.last.next_queued = entry
  else
    list.first = entry
  end
  list.last = entry
  list.pushed = list.pushed + 1
end

--- Takes the first one.
---@param list accs.Queue
---@return table|false entry  false when there is none
function queue.pop(list)
  local entry = list.first
  if entry then
    list.first = entry.next_queued
    if not list.first then
      list.last = false
    end
    entry.next_queued = false
    list.popped = list.popped + 1
  end
  return entry
end

return queue
