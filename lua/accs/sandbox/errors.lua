--- The error replies of Commerce, of the gateway in front of it and of IMS.
--
-- Every function returns a status and a JSON body. Commerce sends its texts as templates: the
-- placeholders are filled in by the client, from `parameters`.
local json = require "accs.sandbox.json"

local errors = {}

--- Commerce's error body.
---@param status integer
---@param message string  the raw template
---@param parameters? string  JSON text of a list or an object
---@return integer status, string body
--- Example: `errors.commerce(404, "No such entity.")`.
function errors.commerce(status, message, parameters)
  return status, json.object("message", json.quote(message), "parameters", parameters)
end

--- A required parameter is missing.
---@param name string
---@return integer status, string body
--- Example: `errors.required("searchCriteria")`.
function errors.required(name)
  return errors.commerce(400, '"%fieldName" is required. Enter and try again.',
    json.object("fieldName", json.quote(name)))
end

--- A value of the wrong type; Commerce fills this text in itself.
---@param value string  as received; "array" for a list or an object
---@param expected string  PHP's name of the type
---@param property? string  its name when it is inside an object
---@return integer status, string body
--- Example: `errors.wrong_type("abc", "int", "pageSize")`.
function errors.wrong_type(value, expected, property)
  local text = ('The "%s" value\'s type is invalid. The "%s" type was expected. '
    .. "Verify and try again."):format(value, expected)
  if property then
    text = ('Error occurred during "%s" processing. %s'):format(property, text)
  end
  return errors.commerce(400, text)
end

--- A property that the object does not have.
---@param name string  in UpperCamelCase, as Commerce repeats it
---@return integer status, string body
--- Example: `errors.unsupported("FooBar")`.
function errors.unsupported(name)
  return errors.commerce(400,
    '"%fieldName" is not supported. Correct the field name and try again.',
    json.object("fieldName", json.quote(name)))
end

--- A search field that an EAV list (products, customers) does not have.
---@param field string
---@return integer status, string body
--- Example: `errors.unknown_attribute("foo")`.
function errors.unknown_attribute(field)
  return errors.commerce(400, 'The "%1" attribute name is invalid. Reset the name and try again.',
    json.array { json.quote(field) })
end

--- An error whose text Commerce keeps to itself.
---@param status integer  400 for a database's complaint, 500 for the rest
---@return integer status, string body
--- Example: `errors.masked(500)`.
function errors.masked(status)
  return errors.commerce(status, "Internal Error. Details are available in Magento log file. "
    .. "Report ID: webapi-" .. ("%013x"):format(math.random(0, 0xfffffffffffff)))
end

--- No route for this method and path; also the reply to a known path with another method.
---@return integer status, string body
--- Example: `return errors.no_route()`.
function errors.no_route()
  return errors.commerce(404, "Request does not match any route.")
end

--- An error that arises while the reply is rendered has a shape of its own.
---@param status integer
---@param message string
---@return integer status, string body
--- Example: `errors.rendering(406, "Server cannot match ...")`.
function errors.rendering(status, message)
  return status, json.object("messages", json.object("error", json.array {
    json.object("code", tostring(status), "message", json.quote(message)),
  }))
end

--- The gateway's error: the status is the first three digits of its code.
---@param code string  six digits
---@param message string
---@return integer status, string body
--- Example: `errors.gateway("401013", "Oauth token is not valid")`.
function errors.gateway(code, message)
  return math.tointeger(tonumber(code:sub(1, 3))),
    json.object("error_code", json.quote(code), "message", json.quote(message))
end

--- An error of IMS, as RFC 6749, 5.2.
---@param status integer
---@param name string  for example "invalid_client"
---@param description string
---@return integer status, string body
--- Example: `errors.ims(400, "invalid_scope", "unknown scope")`.
function errors.ims(status, name, description)
  return status, json.object("error", json.quote(name),
    "error_description", json.quote(description))
end

return errors
