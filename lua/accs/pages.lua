--- Walks through the lists of the service, page by page or row by row.
---
--- ```lua
--- for order in client:items("/V1/orders", accs.search():where("status", "eq", "pending")) do
---   print(order.increment_id)
--- end
---
--- local products <close> = client:items("/V1/products")
--- for product in products do print(product.sku) end
--- assert(products:verdict().complete, products:verdict().reason)
--- ```
--- Iterators are closures, not coroutines, so they work inside tasks and inside a user's
--- coroutines. They raise error objects (`accs.Error`), since a `for` loop has no place for `nil,
--- err`.
local catalogue = require "accs.catalogue"
local errors = require "accs.error"
local json = require "accs.json"
local options = require "accs.options"
local search = require "accs.search"
local verdict = require "accs.verdict"

local pages = {}

local DEFAULT_PAGE_SIZE = 100

-- What a scan takes: its own option, and those of a call that it passes on.
local OPTIONS = {}
for _, name in ipairs {
  "limit", "params", "headers", "store", "timeout", "connect_timeout", "idle_timeout", "attempts",
  "max_retry_after", "backoff", "max_backoff", "max_body", "max_headers",
} do
  OPTIONS[name] = true
end

-- The largest page that a client's tenant allows, learned from its refusal.
local caps = setmetatable({}, { __mode = "k" })

--- The options of a scan: its own, and those of its calls (see accs.CallOptions).
---@class accs.ScanOptions
---@field limit? integer  rows at most
---@field params? table<string, string|number>
---@field headers? table<string, string>
---@field store? string
---@field timeout? number  seconds of one call, as all that follow
---@field connect_timeout? number  seconds
---@field idle_timeout? number  seconds
---@field attempts? integer
---@field max_retry_after? number  seconds
---@field backoff? number  seconds
---@field max_backoff? number  seconds
---@field max_body? integer  bytes of one page
---@field max_headers? integer  bytes

--- A page of a list.
---@class accs.Page
---@field items table[]  rows that did not come before
---@field number integer  from 1
---@field total_count integer|nil  rows of the whole list, as the service says
---@field response accs.Response

--- A scan: call it for the next row or page, or let `for` do so.
---@class accs.Scan
---@operator call: any
local Scan = {}
Scan.__index = Scan
Scan.__name = "accs.Scan"

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for name, value in pairs(a) do
    if not equal(value, b[name]) then
      return false
    end
  end
  for name in pairs(b) do
    if a[name] == nil then
      return false
    end
  end
  return true
end

-- Commerce ANDs some filters whatever their group, so an OR with one of them would quietly lose
-- rows.
local function refuse_broken_or(list, criteria, path)
  if not list or not list.custom or type(criteria) ~= "table" then
    return
  end
  for _, group in ipairs(criteria.filter_groups or {}) do
    for _, one in ipairs(#group.filters > 1 and group.filters or {}) do
      if list.custom[one.field] then
        errors.misuse(string.format("%s cannot be one choice of any() on %s, where the service "
          .. "always demands it; make one search for each choice", one.field, path))
      end
    end
  end
end

-- Asks for the key as well where a search chooses its fields: without it a repeated row could not
-- be told from a new one.
local function with_key(wanted, list)
  local fields = wanted:query().fields
  if not fields or not list then
    return wanted
  end
  local before, inner, after = ("," .. fields .. ","):match("^(.-),items(%b[])(,.*)$")
  if not inner then
    return wanted -- whole rows
  end
  inner = inner:sub(2, -2)
  local names = "," .. inner:gsub("%b[]", "") .. ","
  for _, name in ipairs(list.key) do
    if not names:find("," .. name .. ",", 1, true) then
      inner = inner .. "," .. name
    end
  end
  return wanted:fields((before .. ",items[" .. inner .. "]" .. after):match("^,*(.-),$"))
end

local function ascending(list, criteria)
  local first = criteria.sortOrders and criteria.sortOrders[1]
  return list ~= nil and first ~= nil and first.field == list.sort and first.direction == "ASC"
end

local function check_options(opts)
  for name in pairs(opts) do
    if not OPTIONS[name] then
      errors.misuse(options.unknown("option", name, OPTIONS))
    end
  end
  if opts.limit ~= nil and not (math.type(opts.limit) == "integer" and opts.limit >= 1) then
    errors.misuse("limit is a whole number from 1, not " .. tostring(opts.limit))
  end
end

-- Rows of a page. A scan that begins with a later page keeps the size it was given, since the size
-- decides where that page begins.
local function page_size(client, criteria, limit)
  local size = criteria.pageSize or client.page_size or DEFAULT_PAGE_SIZE
  if (criteria.currentPage or 1) > 1 then
    return size
  end
  return math.min(size, limit or size, caps[client] or size)
end

local function new_scan(client, path, wanted, opts)
  wanted = wanted or search.new()
  if not search.is(wanted) then
    errors.misuse("a search is made by accs.search(), and is not a " .. type(wanted))
  end
  opts = opts or {}
  check_options(opts)
  local list = catalogue.list(path)
  refuse_broken_or(list, wanted:query().searchCriteria, path)
  if list and list.sort and not (wanted:query().searchCriteria or {}).sortOrders then
    wanted = wanted:sort(list.sort, "ASC") -- without an order, pages are drawn from a shuffled list
  end
  wanted = with_key(wanted, list)
  local criteria = wanted:query().searchCriteria
  if criteria == "" then
    criteria = {}
  end
  local call = {}
  for name, value in pairs(opts) do
    call[name] = name ~= "limit" and value or nil
  end
  local first = criteria.currentPage or 1
  return setmetatable({
    _client = client, _path = path, _search = wanted, _call = call, _list = list,
    _limit = opts.limit, _size = page_size(client, criteria, opts.limit),
    _first = first, _page = first, _received = 0,
    _tally = verdict.tally(list and list.key or {}, ascending(list, criteria)),
    _previous = nil, _ended = nil, _missing = nil,
  }, Scan)
end

-- The page-size limit that a refusal names, when it is lower than what was asked for.
local function refused_size(scan, err)
  local data = err.status == 400 and err.response and err.response.data
  local parameters = type(data) == "table" and data.parameters
  local max = type(parameters) == "table" and math.tointeger(tonumber(parameters.max))
  return max and max >= 1 and max < scan._size and max or nil
end

local function fetch(scan)
  local call = { query = scan._search:page_size(scan._size):page(scan._page):query() }
  for name, value in pairs(scan._call) do
    call[name] = value
  end
  local response, err = scan._client:get(scan._path, call)
  if response then
    return response
  end
  local max = scan._page == scan._first and scan._first == 1 and refused_size(scan, err)
  if not max then
    scan._missing = "the scan ended with an error"
    scan._ended = "error"
    error(err, 0)
  end
  caps[scan._client] = max
  scan._size = max
  return fetch(scan)
end

-- Whether an object with `items` is a list reply: orders and carts have items of their own.
local function is_list(data)
  return data.total_count ~= nil or data.search_criteria ~= nil or next(data, next(data)) == nil
end

-- Rows and count of a reply: a list reply, a bare array, or an empty object in place of either.
local function read(scan, response)
  local data = response.data
  if type(data) == "table" then
    local total = math.tointeger(tonumber(data.total_count))
    if type(data.items) == "table" and is_list(data) then
      return data.items, total
    elseif data.items == json.null or total == 0 then
      return {}, total -- `fields=items[...]` turns an empty list into null
    elseif next(data) == nil or data[1] ~= nil then
      return data, nil
    end
  end
  scan._missing, scan._ended = "the answer was not a list", "error"
  error(errors.new {
    kind = "decode", outcome = "done", status = response.status, method = "GET", url = response.url,
    attempts = response.attempts, retryable = false, response = response,
    message = scan._path .. " did not answer with a list",
    hint = "items and pages are for lists; a single thing is read with client:get (accs get)",
  }, 0)
end

-- The count of the whole list, where the service tells it.
local function whole_count(scan, total)
  return total and not (scan._list and scan._list.page_count) and total or nil
end

-- How far into the list the rows go that came.
local function reached_row(scan)
  return (scan._first - 1) * scan._size + scan._received
end

-- Whether this page is the last one that is worth asking for.
local function is_last(scan, count, total)
  local trusted = whole_count(scan, total)
  if count == 0 then
    return true
  elseif trusted then
    local reached = reached_row(scan)
    -- Some lists count the rows of the page. So a count that was passed, or that is just the
    -- first full page of a list that nothing is known of, ends nothing: the next page tells.
    local doubtful = reached > trusted or not scan._list and reached == count
    if not doubtful or count < scan._size then
      return reached >= trusted
    end
    return false
  end
  return count < scan._size and not (scan._list and scan._list.page_count)
end

-- Past the end some lists begin anew, and without a count nothing else would end the scan.
local function stop_if_repeated(scan, items, fresh, total)
  scan._opening = scan._opening or items
  local whole = whole_count(scan, total)
  if scan._ended or whole and reached_row(scan) <= whole then
    return fresh
  end
  local anew = scan._opening ~= items and equal(items, scan._opening)
  if anew or #fresh == 0 then
    scan._ended = "end"
    scan._missing = "the service began to send rows again that came before"
    return {}
  end
  return fresh
end

-- What the verdict holds against a list whose count never came.
local function judge(scan, total)
  local known = scan._list and not scan._list.bare and not scan._list.page_count
  if known and not total and not scan._tally.announced then
    scan._missing = "the service did not say how many rows there are"
  end
end

local function next_page(scan)
  if scan._ended then
    return nil
  end
  local response = fetch(scan)
  local items, total = read(scan, response)
  local tally, count = scan._tally, #items
  if not (scan._list and scan._list.page_count) then
    tally:announce(total and math.max(0, total - (scan._first - 1) * scan._size))
  end
  if count > 0 and scan._previous and equal(items, scan._previous) then
    scan._ended = "end" -- past the end, older cores send the last page again
    return nil
  end
  judge(scan, total)
  scan._received = scan._received + count
  scan._previous = items
  if is_last(scan, count, total) then
    scan._ended, scan._previous = "end", nil
  end
  local fresh = stop_if_repeated(scan, items, tally:page(items), total)
  local room = scan._limit and scan._limit - tally.delivered
  if room and #fresh >= room then
    fresh = table.move(fresh, 1, room, 1, {})
    scan._ended = "limit"
  end
  tally.delivered = tally.delivered + #fresh
  local page = { items = fresh, number = scan._page, total_count = total, response = response }
  scan._page = scan._page + 1
  if count == 0 then
    return nil
  end
  return page
end

local function next_item(scan)
  while true do
    local page = scan._current
    if page and scan._index < #page.items then
      scan._index = scan._index + 1
      return page.items[scan._index]
    end
    scan._current, scan._index = next_page(scan), 0
    if not scan._current then
      return nil
    end
  end
end

function Scan:__call()
  return self._step(self)
end

--- Ends the scan early; leaving a `for` loop does so as well.
--- Example: `scan:close()`
function Scan:close()
  if self._step == next_item and self._current and self._index < #self._current.items then
    -- Rows that were fetched but never handed over do not count as delivered.
    self._tally.delivered = self._tally.delivered - (#self._current.items - self._index)
    self._ended = nil
  end
  self._closed, self._current, self._previous = true, nil, nil
  self._step = function() end
end

function Scan:__close()
  if not self._closed then
    self:close()
  end
end

--- What the scan can vouch for, at any time.
---@return accs.Verdict
--- Example: `if not scan:verdict().complete then print(scan:verdict().reason) end`
function Scan:verdict()
  local ended = self._ended
  local waiting = self._current and self._index < #self._current.items
  if ended == "error" or waiting then
    ended = nil
  end
  return self._tally:verdict(ended, self._missing)
end

--- Where the scan stands.
---@return { page: integer, index: integer, size: integer, delivered: integer, announced?: integer }
--- `page` is the page of the last row (0: none yet) and `index` its place among the page's new
--- rows.
--- Example: `io.stderr:write("row ", scan:position().delivered, "\n")`
function Scan:position()
  local waiting = self._current and #self._current.items - self._index or 0
  return {
    page = self._page - 1, index = self._index or 0, size = self._size,
    delivered = self._tally.delivered - waiting, announced = self._tally.announced,
  }
end

--- Iterates over the rows of a list.
---@param client accs.Client
---@param path string  e.g. "/V1/orders"
---@param wanted? accs.Search  all rows unless given; sorted by the list's key unless it says how
---@param opts? accs.ScanOptions
---@return accs.Scan scan, nil, nil, accs.Scan closing  for a generic `for`
--- Each row comes once, also when the service repeats it; for that, the list's key is fetched even
--- when the search chooses other fields. Raises an error object when a call fails, and a message on
--- a mistake in the arguments.
--- Example: `for order in client:items("/V1/orders", nil, { limit = 9 }) do print(order.state) end`
function pages.items(client, path, wanted, opts)
  local scan = new_scan(client, path, wanted, opts)
  scan._step, scan._index = next_item, 0
  return scan, nil, nil, scan
end

--- Iterates over the pages of a list.
---@param client accs.Client
---@param path string
---@param wanted? accs.Search
---@param opts? accs.ScanOptions  `limit` counts rows
---@return accs.Scan scan, nil, nil, accs.Scan closing  gives an `accs.Page` each
--- Example: `for page in client:pages("/V1/products") do print(page.number, #page.items) end`
function pages.pages(client, path, wanted, opts)
  local scan = new_scan(client, path, wanted, opts)
  scan._step = next_page
  return scan, nil, nil, scan
end

return pages
