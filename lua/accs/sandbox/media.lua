--- What Commerce says about the Accept and Content-Type headers.
local errors = require "accs.sandbox.errors"

local media = {}

local KNOWN = { -- that Commerce can read; the sandbox itself reads JSON only
  ["application/json"] = true,
  ["application/xml"] = true,
  ["text/xml"] = true,
  ["application/xhtml+xml"] = true,
}

--- Refuses a request whose reply would have to be something else than JSON.
---@param accept string|nil
---@return integer|nil status, string|nil body
--- Example: `media.refuse_accept("text/html")` is a 406.
function media.refuse_accept(accept)
  if not accept or accept == "" or accept == "*/*" or accept == "application/json" then
    return nil
  end
  for range in accept:gmatch("[^,]+") do
    local name = range:match("^%s*([^;%s]+)")
    if name == "*/*" or name == "application/*" or name == "application/json" then
      return nil
    end
  end
  return errors.rendering(406, ("Server cannot match any of the given Accept HTTP header media "
    .. 'type(s) from the request: "%s" with media types from the config of response renderer.')
    :format(accept))
end

--- Refuses a body that Commerce would not read. An empty body is never looked at.
---@param content_type string|nil
---@param body string
---@return integer|nil status, string|nil body
--- Example: `media.refuse_content("text/plain", "{}")` is a 400.
function media.refuse_content(content_type, body)
  if body == "" then
    return nil
  elseif not content_type or content_type == "" then
    return errors.commerce(400, "Content-Type header is empty.")
  end
  local name, rest = content_type:lower():match("^([%w/%-+.]+)(.*)$")
  local charset = rest and rest:match("^; *charset=(.+)$")
  if not name or (rest ~= "" and not charset) then
    return errors.commerce(400, "Content-Type header is invalid.")
  elseif charset and charset ~= "utf-8" then
    return errors.commerce(400, "UTF-8 is the only supported charset.")
  elseif not KNOWN[name] then
    return errors.commerce(400,
      "Server cannot understand Content-Type HTTP header media type " .. name)
  end
end

return media
