-- What the benchmarks share: medians, and cells of a table.
local ratio = {}

--- The middle of a sorted list.
function ratio.median(list)
  local middle = (#list + 1) // 2
  return #list % 2 == 1 and list[middle] or (list[middle] + list[middle + 1]) / 2
end

--- "1.05 (0.99 to 1.10)": median, lowest and highest; `format` is that of a number.
function ratio.cell(list, format)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  format = format or "%.2f"
  return (format .. " (" .. format .. " to " .. format .. ")")
    :format(ratio.median(sorted), sorted[1], sorted[#sorted])
end

return ratio
