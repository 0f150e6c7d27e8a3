--- The people who buy: customers with an account and guests, each computed from its number.
local random = require "accs.sandbox.data.random"
local text = require "accs.sandbox.data.text"
local stores = require "accs.sandbox.data.stores"

local people = {}

local DOMAIN_CUSTOMER <const>, DOMAIN_GUEST <const> = 11, 12

-- Per store view: first names (women, then men), family names, streets and places. A place is
-- city, region, region code, region id, country, post code pattern, tax in 1/10000 of a percent.
local LANDS = {
  {
    women = { "Emma", "Olivia", "Ava", "Sophia", "Grace", "Hannah", "Chloe", "Zoë", "Maria" },
    men = { "Liam", "Noah", "James", "Ethan", "Lucas", "Henry", "Jack", "José", "Owen" },
    families = { "Smith", "Johnson", "Williams", "Brown", "O'Connor", "Garcia", "Miller",
      "Davis", "Nguyen", "Wilson", "Anderson", "Núñez", "Taylor", "Moore", "Lee" },
    streets = { "Main Street", "Oak Avenue", "Maple Drive", "2nd Street", "Park Road",
      "Washington Blvd", "Sunset Lane", "Elm Court" },
    phone = "(%03d) 555-%04d",
    places = {
      { "New York", "New York", "NY", 43, "US", "100%02d", 88750 },
      { "Austin", "Texas", "TX", 57, "US", "787%02d", 82500 },
      { "Portland", "Oregon", "OR", 49, "US", "972%02d", 0 },
      { "Los Angeles", "California", "CA", 12, "US", "900%02d", 95000 },
      { "Chicago", "Illinois", "IL", 23, "US", "606%02d", 102500 },
      { "Seattle", "Washington", "WA", 62, "US", "981%02d", 101000 },
    },
  },
  {
    women = { "Chloé", "Léa", "Camille", "Noémie", "Élodie", "Sarah" },
    men = { "Félix", "Jérôme", "Olivier", "Xavier", "Mathieu", "William" },
    families = { "Tremblay", "Gagnon", "Roy", "Côté", "Bouchard", "Gauthier", "Lévesque" },
    streets = { "rue Saint-Denis", "avenue du Parc", "boul. René-Lévesque", "rue de l'Église" },
    phone = "514 %03d-%04d",
    places = {
      { "Montréal", "Quebec", "QC", 76, "CA", "H2X 1Y%d", 149750 },
      { "Québec", "Quebec", "QC", 76, "CA", "G1R 4S%d", 149750 },
      { "Gatineau", "Quebec", "QC", 76, "CA", "J8X 3X%d", 149750 },
    },
  },
  {
    women = { "Anna", "Lena", "Katharina", "Jutta", "Zoë", "Greta", "Sabine" },
    men = { "Jürgen", "Björn", "Lukas", "Felix", "Matthias", "Günther", "Paul" },
    families = { "Müller", "Schmidt", "Schröder", "Weber", "Groß", "Jäger", "Hoffmann",
      "Köhler", "Bauer", "Vogel", "Krämer" },
    streets = { "Hauptstraße", "Bahnhofstraße", "Gartenweg", "Am Mühlbach", "Lindenallee",
      "Schulgasse" },
    phone = "+49 %03d 555%04d",
    places = {
      { "Berlin", "Berlin", "BER", 82, "DE", "101%02d", 190000 },
      { "München", "Bayern", "BAY", 81, "DE", "803%02d", 190000 },
      { "Köln", "Nordrhein-Westfalen", "NRW", 88, "DE", "506%02d", 190000 },
      { "Lübeck", "Schleswig-Holstein", "SHO", 94, "DE", "235%02d", 190000 },
      { "Wien", "Wien", "WI", 102, "AT", "10%02d", 200000 },
    },
  },
  {
    women = { "Charlotte", "Amelia", "Isla", "Poppy", "Freya", "Imogen" },
    men = { "George", "Oliver", "Harry", "Rhys", "Callum", "Arthur" },
    families = { "Jones", "Evans", "Thomas", "Walker", "MacDonald", "O'Neill", "Hughes" },
    streets = { "High Street", "Station Road", "Church Lane", "Victoria Road", "Mill Lane" },
    phone = "020 7%03d %04d",
    places = {
      { "London", "Greater London", "LND", 0, "GB", "SW1A %dAA", 200000 },
      { "Leeds", "West Yorkshire", "WYK", 0, "GB", "LS%d 4DY", 200000 },
      { "Cardiff", "Cardiff", "CRF", 0, "GB", "CF10 %dEP", 200000 },
    },
  },
}

local FOLDED = {
  ["ä"] = "ae", ["ö"] = "oe", ["ü"] = "ue", ["ß"] = "ss", ["é"] = "e", ["É"] = "e", ["è"] = "e",
  ["ë"] = "e", ["ô"] = "o", ["ú"] = "u", ["ñ"] = "n",
}

local COMPANIES = { "Acme Outfitters", "Northwind Trading", "Müller & Söhne GmbH", "Blue Door Ltd" }

local function folded(name)
  return (name:gsub("[\xC2-\xF4][\x80-\xBF]+", FOLDED):gsub("'", ""):lower())
end

---@class accs.sandbox.Person
---@field id integer  of the row in `address`; customers first, then guests
---@field customer_id? integer  absent for a guest
---@field email string
---@field firstname string
---@field lastname string
---@field gender integer  1 male, 2 female
---@field group_id integer  0 not logged in, 1 general, 2 wholesale
---@field store integer
---@field tax_percent integer  1/10000 of a percent

-- The stream goes on to the address and the account, which only `generate` needs.
local function compute(seed, number, guest)
  local rng = random.stream(seed, guest and DOMAIN_GUEST or DOMAIN_CUSTOMER, number)
  local store = rng:weighted(stores.weights)
  local land = LANDS[store]
  local gender = rng:int(1, 2)
  local firstname = rng:pick(gender == 1 and land.men or land.women)
  local lastname = rng:pick(land.families)
  local place = rng:pick(land.places)
  return {
    email = ("%s.%s.%s%d@example.%s"):format(folded(firstname), folded(lastname),
      guest and "g" or "", number, number % 3 == 0 and "org" or "com"),
    firstname = firstname,
    lastname = lastname,
    gender = gender,
    group_id = guest and 0 or (rng:chance(80) and 2 or 1),
    store = store,
    tax_percent = place[7],
  }, rng, land, place
end

--- How many addresses of guests there are to draw from.
---@param sizes accs.sandbox.Sizes
---@return integer
function people.guests(sizes)
  return math.min(200000, sizes.orders // 4 + 1)
end

--- People by number, the last few thousand kept.
---@param sizes accs.sandbox.Sizes
---@return fun(number: integer): accs.sandbox.Person  1 to customers, then the guests
function people.reader(sizes)
  local kept, count = {}, 0
  return function(number)
    local person = kept[number]
    if person == nil then
      local guest = number > sizes.customers
      person = compute(sizes.seed, guest and number - sizes.customers or number, guest)
      person.id = number
      person.customer_id = not guest and number or nil
      if count >= 8192 then
        kept, count = {}, 0
      end
      kept[number] = person
      count = count + 1
    end
    return person
  end
end

--- When customer `number` registered: 60 % before the first order, the others evenly after it.
---@param number integer
---@param sizes accs.sandbox.Sizes
---@return integer  seconds since 1970
function people.registered(number, sizes)
  local early = sizes.customers * 6 // 10
  if number <= early then
    return sizes.first - (early - number + 1) * 86400 * 900 // (early + 1)
  end
  local span = sizes.last - sizes.first
  return sizes.first + (number - early - 1) * span // (sizes.customers - early)
end

local function address_row(person, id, rng, land, place)
  local row = {
    entity_id = id,
    customer_id = person.customer_id,
    firstname = person.firstname,
    lastname = person.lastname,
    company = rng:chance(120) and rng:pick(COMPANIES) or nil,
    street = ("%d %s"):format(rng:int(1, 240), rng:pick(land.streets)),
    city = place[1],
    region = place[2],
    region_code = place[3],
    region_id = place[4],
    country_id = place[5],
    telephone = land.phone:format(rng:int(200, 989), rng:int(0, 9999)),
    email = person.email,
  }
  row.postcode = place[6]:format(rng:int(1, 9))
  return row
end

local function customer_row(person, sizes, rng)
  local store = stores.list[person.store]
  local created = people.registered(person.id, sizes)
  local updated = math.min(sizes.last, created + rng:int(0, 400 * 86400))
  return {
    entity_id = person.id,
    group_id = person.group_id,
    default_billing = tostring(person.id),
    default_shipping = tostring(person.id),
    created_at = text.date(created),
    updated_at = text.date(updated),
    created_in = store.name,
    dob = rng:chance(300) and text.date(rng:int(-946771200, 946684800)):sub(1, 10) or nil,
    email = person.email,
    firstname = person.firstname,
    lastname = person.lastname,
    middlename = rng:chance(60) and "J." or nil,
    prefix = rng:chance(40) and "Dr." or nil,
    gender = rng:chance(700) and person.gender or nil,
    store_id = person.store,
    taxvat = person.group_id == 2 and ("EU%09d"):format(rng:int(1, 999999999)) or nil,
    website_id = store.website_id,
    is_subscribed = rng:chance(350),
  }
end

--- Fills `customer` and `address`.
---@param sizes accs.sandbox.Sizes
---@param insert_customer fun(row: table)
---@param insert_address fun(row: table)
function people.generate(sizes, insert_customer, insert_address)
  for number = 1, sizes.customers + people.guests(sizes) do
    local guest = number > sizes.customers
    local person, rng, land, place =
      compute(sizes.seed, guest and number - sizes.customers or number, guest)
    person.id = number
    person.customer_id = not guest and number or nil
    insert_address(address_row(person, number, rng, land, place))
    if not guest then
      insert_customer(customer_row(person, sizes, rng))
    end
  end
end

return people
