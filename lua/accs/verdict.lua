--- What a scan can vouch for: how many rows were announced, how many came, and what looks wrong.
---
--- Pages are counted from the start of a list, so a row that is deleted meanwhile pulls the next
--- ones one place forward, over the edge of a page and out of sight; an inserted one pushes rows
--- back, so that they come again. Neither is an error of the service, and neither may pass in
--- silence. One thing pages cannot show: a row that leaves the list while another enters it leaves
--- the count as it was. What must not miss a row asks for rows that stay, such as those created in
--- a time gone by, as the sales report does.
local verdict = {}

--- How a scan ended.
---@class accs.Verdict
---@field method "page"  how the rows were found
---@field announced integer|nil  rows that the service said there are; nil when it did not say
---@field delivered integer  different rows handed over
---@field duplicates integer  rows that came again, and were handed over once
---@field gaps integer  rows that are suspected to have been skipped
---@field complete boolean  true: everything announced was delivered, and nothing looks wrong
---@field reason string|nil  why it is not complete, in one sentence

local Tally = {}
Tally.__index = Tally

-- The value that tells one row from the others; nil when the row does not show it.
local function key_of(item, names)
  if type(item) ~= "table" or #names == 0 then
    return nil
  end
  local first = item[names[1]]
  if #names == 1 then
    -- Ids come as 5 or "5".
    return math.tointeger(first) or (type(first) == "string" and math.tointeger(tonumber(first)))
      or first
  end
  local parts = {}
  for index, name in ipairs(names) do
    parts[index] = tostring(item[name])
  end
  return table.concat(parts, "\0")
end

--- Starts a count.
---@param names string[]  names of the key in a row; {} when the list has none
---@param ascending boolean  the rows were asked for in ascending order of that key: then the
---  highest key seen tells a repeated row, and memory does not grow with the rows
---@return table tally
--- Example: `local tally = verdict.tally({ "id" }, true)`
function verdict.tally(names, ascending)
  return setmetatable({
    names = names, ascending = ascending and #names == 1, seen = {}, highest = nil,
    delivered = 0, duplicates = 0, gaps = 0, announced = nil, disorder = false,
  }, Tally)
end

--- Takes a page and leaves out the rows that came before.
---@param items table[]
---@return table[] fresh  rows that are new
--- Example: `local fresh = tally:page(response.data.items)`
function Tally:page(items)
  local fresh = {}
  local floor, previous = self.highest, nil
  for _, item in ipairs(items) do
    local key = key_of(item, self.names)
    local again = false
    if self.ascending and math.type(key) == "integer" then
      again = floor ~= nil and key <= floor
      self.disorder = self.disorder or (previous ~= nil and key < previous)
      again = again or key == previous
      previous = key
      self.highest = math.max(self.highest or key, key)
    elseif key ~= nil then
      again = self.seen[key] ~= nil
      self.seen[key] = true
    end
    if again then
      self.duplicates = self.duplicates + 1
    else
      fresh[#fresh + 1] = item
    end
  end
  return fresh
end

--- Notes the count that came with a page.
---@param total integer|nil
--- A count that falls means that rows went away, perhaps out of pages already read: as many others
--- may have slipped past.
--- Example: `tally:announce(response.data.total_count)`
function Tally:announce(total)
  if total and self.announced and total < self.announced then
    self.gaps = self.gaps + (self.announced - total)
  end
  self.announced = total or self.announced
end

--- The verdict as of now.
---@param ended string|nil  "end" or "limit"; nil while the scan is open or was left
---@param missing string|nil  what else speaks against it
---@return accs.Verdict
--- Example: `tally:verdict("end").complete`
function Tally:verdict(ended, missing)
  local gaps, reason = self.gaps, missing
  if ended == "end" and self.announced then
    gaps = math.max(gaps, self.announced - self.delivered)
  end
  if not ended then
    reason = reason or "the scan was left before its end"
  elseif gaps > 0 then
    reason = reason or string.format(
      "%d rows may be missing: the service announced %s and delivered %d, perhaps because the "
      .. "store changed meanwhile", gaps, self.announced, self.delivered)
  elseif self.disorder then
    reason = reason or "the service did not keep the order of the rows, so some may be missing"
  end
  return {
    method = "page", announced = self.announced, delivered = self.delivered,
    duplicates = self.duplicates, gaps = gaps, complete = reason == nil, reason = reason,
  }
end

--- Puts the verdicts of several scans together.
---@param list accs.Verdict[]
---@return accs.Verdict  complete when all are; the reason of the first that is not
--- Example: `verdict.join { orders:verdict(), refunds:verdict() }.complete`
function verdict.join(list)
  local all = {
    method = "page", announced = 0, delivered = 0, duplicates = 0, gaps = 0, complete = true,
  }
  for _, one in ipairs(list) do
    all.announced = all.announced and one.announced and all.announced + one.announced
    all.delivered = all.delivered + one.delivered
    all.duplicates = all.duplicates + one.duplicates
    all.gaps = all.gaps + one.gaps
    if not one.complete and all.complete then
      all.complete, all.reason = false, one.reason
    end
  end
  return all
end

return verdict
