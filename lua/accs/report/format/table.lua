--- Aligned columns for people: on a terminal they keep within its width, in a pipe nothing is cut.
local cells = require "accs.report.cells"

local format = {}

local GAP = "  "
local NARROW = 8 -- no column is made narrower than that
local BLOCK = 1000 -- rows that are held back to find the widths of the columns

-- Characters, not bytes; text that is not UTF-8 counts by bytes.
local function width_of(text)
  return utf8.len(text) or #text
end

local function cut(text, width)
  if width_of(text) <= width then
    return text
  end
  local stop = utf8.len(text) and utf8.offset(text, width) or width
  return text:sub(1, stop - 1) .. "…"
end

local function pad(text, width, right)
  text = cut(text, width)
  local blanks = string.rep(" ", width - width_of(text))
  return right and blanks .. text or text .. blanks
end

-- The column to make narrower: the widest one that may be.
local function widest(widths, may)
  local found
  for index, width in ipairs(widths) do
    if may(index, width) and (not found or width > widths[found]) then
      found = index
    end
  end
  return found
end

-- Makes columns narrower until the line fits: first titles that are longer than what stands below
-- them, then texts; numbers are never cut.
local function fit(widths, needed, rights, room)
  local total = #GAP * (#widths - 1)
  for _, width in ipairs(widths) do
    total = total + width
  end
  local function shrink(may)
    local index = total > room and widest(widths, may)
    while index do
      widths[index] = widths[index] - 1
      total = total - 1
      index = total > room and widest(widths, may)
    end
  end
  shrink(function(index, width) return width > math.max(needed[index], NARROW) end)
  shrink(function(index, width) return not rights[index] and width > NARROW end)
end

local function line(texts, widths, rights)
  local parts = {}
  for index, text in ipairs(texts) do
    parts[index] = pad(text, widths[index], rights[index])
  end
  return (table.concat(parts, GAP):gsub("%s+$", "")) .. "\n"
end

-- Widths, alignment and the text of rows; a column of kind "any" is a column of numbers when all
-- its values are.
local function measure(columns, rows, room, currency)
  local widths, needed, rights, texts = {}, {}, {}, {}
  for index, column in ipairs(columns) do
    needed[index] = 0
    rights[index] = cells.is_number(column)
    local numbers, others = 0, 0
    for place, row in ipairs(rows) do
      local value = row[column.name]
      local text = cells.readable(value, column, currency)
      texts[place] = texts[place] or {}
      texts[place][index] = text
      needed[index] = math.max(needed[index], width_of(text))
      if cells.is_number(column, value) then
        numbers = numbers + 1
      elseif text ~= "" then
        others = others + 1
      end
    end
    widths[index] = math.max(needed[index], width_of(column.title or column.name))
    rights[index] = rights[index] or (numbers > 0 and others == 0)
  end
  if room then
    fit(widths, needed, rights, room)
  end
  return widths, rights, texts
end

local function head(columns, widths, rights, write)
  local titles, rules = {}, {}
  for index, column in ipairs(columns) do
    titles[index] = column.title or column.name
    rules[index] = string.rep("-", widths[index])
  end
  write(line(titles, widths, rights))
  write(line(rules, widths, rights))
  return rules
end

--- Starts a table that is written row by row, in blocks, so that its length does not matter.
---@param columns accs.Column[]
---@param write fun(text: string)
---@param options? { width?: integer }  columns of the terminal; nil: nothing is cut
---@return { row: fun(self, row: table), close: fun(self) }
--- Example: `local out = format.open({ { name = "sku" } }, io.write, { width = 80 })`
function format.open(columns, write, options)
  local room = options and options.width
  local held, widths, rights = {}, nil, nil
  local function flush()
    local first = widths == nil
    local found, right, texts = measure(columns, held, room)
    if first then
      widths, rights = found, right
      head(columns, widths, rights, write)
    end
    for _, row in ipairs(texts) do
      if not room then -- a later block may be wider than the first: then its line is longer
        for index, text in ipairs(row) do
          widths[index] = math.max(widths[index], width_of(text))
        end
      end
      write(line(row, widths, rights))
    end
    held = {}
  end
  return {
    row = function(_, row)
      held[#held + 1] = row
      if #held >= BLOCK then
        flush()
      end
    end,
    close = function()
      if #held > 0 or not widths then
        flush()
      end
    end,
  }
end

-- Words in lines of at most `room` characters.
local function wrap(text, room, write)
  local current = ""
  for word in text:gmatch("%S+") do
    if current ~= "" and width_of(current) + 1 + width_of(word) > room then
      write(current .. "\n")
      current = word
    else
      current = current == "" and word or current .. " " .. word
    end
  end
  write(current .. "\n")
end

local function write_table(one, room, write)
  local rows = table.move(one.rows, 1, #one.rows, 1, {})
  rows[#rows + 1] = one.totals
  local widths, rights, texts = measure(one.columns, rows, room, one.currency)
  write("\n" .. one.title .. "\n\n")
  local rules = head(one.columns, widths, rights, write)
  for index, row in ipairs(texts) do
    if one.totals and index == #texts then
      write(line(rules, widths, rights))
    end
    write(line(row, widths, rights))
  end
end

--- Writes a report: heading, tables with totals, notes.
---@param result accs.ReportResult
---@param write fun(text: string)
---@param options? { width?: integer }
--- Example: `format.report(result, io.write, { width = 80 })`
function format.report(result, write, options)
  local room = options and options.width
  write(result.title .. "\n")
  if result.heading and #result.heading > 0 then
    write("\n")
  end
  for _, text in ipairs(result.heading or {}) do
    wrap(text, room or 80, write)
  end
  for _, one in ipairs(result.tables) do
    write_table(one, room, write)
  end
  for index, text in ipairs(result.notes or {}) do
    write(index == 1 and "\n" or "")
    wrap("Note: " .. text, room or 80, write)
  end
  if result.verdict and not result.verdict.complete then
    write("\n")
    wrap("INCOMPLETE: " .. (result.verdict.reason or "data are missing") .. ".", room or 80, write)
  end
end

return format
