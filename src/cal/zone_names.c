/* zone_names.c - see zone_names.h. */
#include "cal/zone_names.h"

#include <string.h>

struct name_pair {
    const char *from, *to;
};

/* CLDR supplemental/windowsZones.xml, territory 001, with the present IANA spelling of each. */
static const struct name_pair windows_names[] = {
    { "AUS Central Standard Time", "Australia/Darwin" },
    { "AUS Eastern Standard Time", "Australia/Sydney" },
    { "Afghanistan Standard Time", "Asia/Kabul" },
    { "Alaskan Standard Time", "America/Anchorage" },
    { "Aleutian Standard Time", "America/Adak" },
    { "Altai Standard Time", "Asia/Barnaul" },
    { "Arab Standard Time", "Asia/Riyadh" },
    { "Arabian Standard Time", "Asia/Dubai" },
    { "Arabic Standard Time", "Asia/Baghdad" },
    { "Argentina Standard Time", "America/Argentina/Buenos_Aires" },
    { "Armenian Standard Time", "Asia/Yerevan" },
    { "Astrakhan Standard Time", "Europe/Astrakhan" },
    { "Atlantic Standard Time", "America/Halifax" },
    { "Aus Central W. Standard Time", "Australia/Eucla" },
    { "Azerbaijan Standard Time", "Asia/Baku" },
    { "Azores Standard Time", "Atlantic/Azores" },
    { "Bahia Standard Time", "America/Bahia" },
    { "Bangladesh Standard Time", "Asia/Dhaka" },
    { "Belarus Standard Time", "Europe/Minsk" },
    { "Bougainville Standard Time", "Pacific/Bougainville" },
    { "Canada Central Standard Time", "America/Regina" },
    { "Cape Verde Standard Time", "Atlantic/Cape_Verde" },
    { "Caucasus Standard Time", "Asia/Yerevan" },
    { "Cen. Australia Standard Time", "Australia/Adelaide" },
    { "Central America Standard Time", "America/Guatemala" },
    { "Central Asia Standard Time", "Asia/Bishkek" },
    { "Central Brazilian Standard Time", "America/Cuiaba" },
    { "Central Europe Standard Time", "Europe/Budapest" },
    { "Central European Standard Time", "Europe/Warsaw" },
    { "Central Pacific Standard Time", "Pacific/Guadalcanal" },
    { "Central Standard Time", "America/Chicago" },
    { "Central Standard Time (Mexico)", "America/Mexico_City" },
    { "Chatham Islands Standard Time", "Pacific/Chatham" },
    { "China Standard Time", "Asia/Shanghai" },
    { "Cuba Standard Time", "America/Havana" },
    { "Dateline Standard Time", "Etc/GMT+12" },
    { "E. Africa Standard Time", "Africa/Nairobi" },
    { "E. Australia Standard Time", "Australia/Brisbane" },
    { "E. Europe Standard Time", "Europe/Chisinau" },
    { "E. South America Standard Time", "America/Sao_Paulo" },
    { "Easter Island Standard Time", "Pacific/Easter" },
    { "Eastern Standard Time", "America/New_York" },
    { "Eastern Standard Time (Mexico)", "America/Cancun" },
    { "Egypt Standard Time", "Africa/Cairo" },
    { "Ekaterinburg Standard Time", "Asia/Yekaterinburg" },
    { "FLE Standard Time", "Europe/Kyiv" },
    { "Fiji Standard Time", "Pacific/Fiji" },
    { "GMT Standard Time", "Europe/London" },
    { "GTB Standard Time", "Europe/Bucharest" },
    { "Georgian Standard Time", "Asia/Tbilisi" },
    { "Greenland Standard Time", "America/Nuuk" },
    { "Greenwich Standard Time", "Africa/Abidjan" },
    { "Haiti Standard Time", "America/Port-au-Prince" },
    { "Hawaiian Standard Time", "Pacific/Honolulu" },
    { "India Standard Time", "Asia/Kolkata" },
    { "Iran Standard Time", "Asia/Tehran" },
    { "Israel Standard Time", "Asia/Jerusalem" },
    { "Jerusalem Standard Time", "Asia/Jerusalem" },
    { "Jordan Standard Time", "Asia/Amman" },
    { "Kaliningrad Standard Time", "Europe/Kaliningrad" },
    { "Kamchatka Standard Time", "Asia/Kamchatka" },
    { "Korea Standard Time", "Asia/Seoul" },
    { "Libya Standard Time", "Africa/Tripoli" },
    { "Line Islands Standard Time", "Pacific/Kiritimati" },
    { "Lord Howe Standard Time", "Australia/Lord_Howe" },
    { "Magadan Standard Time", "Asia/Magadan" },
    { "Magallanes Standard Time", "America/Punta_Arenas" },
    { "Malay Peninsula Standard Time", "Asia/Singapore" },
    { "Marquesas Standard Time", "Pacific/Marquesas" },
    { "Mauritius Standard Time", "Indian/Mauritius" },
    { "Mexico Standard Time", "America/Mexico_City" },
    { "Mexico Standard Time 2", "America/Mazatlan" },
    { "Mid-Atlantic Standard Time", "Etc/GMT+2" },
    { "Middle East Standard Time", "Asia/Beirut" },
    { "Montevideo Standard Time", "America/Montevideo" },
    { "Morocco Standard Time", "Africa/Casablanca" },
    { "Mountain Standard Time", "America/Denver" },
    { "Mountain Standard Time (Mexico)", "America/Mazatlan" },
    { "Myanmar Standard Time", "Asia/Yangon" },
    { "N. Central Asia Standard Time", "Asia/Novosibirsk" },
    { "Namibia Standard Time", "Africa/Windhoek" },
    { "Nepal Standard Time", "Asia/Kathmandu" },
    { "New Zealand Standard Time", "Pacific/Auckland" },
    { "Newfoundland Standard Time", "America/St_Johns" },
    { "Norfolk Standard Time", "Pacific/Norfolk" },
    { "North Asia East Standard Time", "Asia/Irkutsk" },
    { "North Asia Standard Time", "Asia/Krasnoyarsk" },
    { "North Korea Standard Time", "Asia/Pyongyang" },
    { "Omsk Standard Time", "Asia/Omsk" },
    { "Pacific SA Standard Time", "America/Santiago" },
    { "Pacific Standard Time", "America/Los_Angeles" },
    { "Pacific Standard Time (Mexico)", "America/Tijuana" },
    { "Pakistan Standard Time", "Asia/Karachi" },
    { "Paraguay Standard Time", "America/Asuncion" },
    { "Qyzylorda Standard Time", "Asia/Qyzylorda" },
    { "Romance Standard Time", "Europe/Paris" },
    { "Russia Time Zone 10", "Asia/Srednekolymsk" },
    { "Russia Time Zone 11", "Asia/Kamchatka" },
    { "Russia Time Zone 3", "Europe/Samara" },
    { "Russian Standard Time", "Europe/Moscow" },
    { "SA Eastern Standard Time", "America/Cayenne" },
    { "SA Pacific Standard Time", "America/Bogota" },
    { "SA Western Standard Time", "America/La_Paz" },
    { "SE Asia Standard Time", "Asia/Bangkok" },
    { "Saint Pierre Standard Time", "America/Miquelon" },
    { "Sakhalin Standard Time", "Asia/Sakhalin" },
    { "Samoa Standard Time", "Pacific/Apia" },
    { "Sao Tome Standard Time", "Africa/Sao_Tome" },
    { "Saratov Standard Time", "Europe/Saratov" },
    { "Singapore Standard Time", "Asia/Singapore" },
    { "South Africa Standard Time", "Africa/Johannesburg" },
    { "South Sudan Standard Time", "Africa/Juba" },
    { "Sri Lanka Standard Time", "Asia/Colombo" },
    { "Sudan Standard Time", "Africa/Khartoum" },
    { "Syria Standard Time", "Asia/Damascus" },
    { "Taipei Standard Time", "Asia/Taipei" },
    { "Tasmania Standard Time", "Australia/Hobart" },
    { "Tocantins Standard Time", "America/Araguaina" },
    { "Tokyo Standard Time", "Asia/Tokyo" },
    { "Tomsk Standard Time", "Asia/Tomsk" },
    { "Tonga Standard Time", "Pacific/Tongatapu" },
    { "Transbaikal Standard Time", "Asia/Chita" },
    { "Turkey Standard Time", "Europe/Istanbul" },
    { "Turks And Caicos Standard Time", "America/Grand_Turk" },
    { "US Eastern Standard Time", "America/Indiana/Indianapolis" },
    { "US Mountain Standard Time", "America/Phoenix" },
    { "UTC+12", "Etc/GMT-12" },
    { "UTC+13", "Etc/GMT-13" },
    { "UTC-02", "Etc/GMT+2" },
    { "UTC-08", "Etc/GMT+8" },
    { "UTC-09", "Etc/GMT+9" },
    { "UTC-11", "Etc/GMT+11" },
    { "Ulaanbaatar Standard Time", "Asia/Ulaanbaatar" },
    { "Venezuela Standard Time", "America/Caracas" },
    { "Vladivostok Standard Time", "Asia/Vladivostok" },
    { "Volgograd Standard Time", "Europe/Volgograd" },
    { "W. Australia Standard Time", "Australia/Perth" },
    { "W. Central Africa Standard Time", "Africa/Lagos" },
    { "W. Europe Standard Time", "Europe/Berlin" },
    { "W. Mongolia Standard Time", "Asia/Hovd" },
    { "West Asia Standard Time", "Asia/Tashkent" },
    { "West Bank Standard Time", "Asia/Hebron" },
    { "West Pacific Standard Time", "Pacific/Port_Moresby" },
    { "Yakutsk Standard Time", "Asia/Yakutsk" },
    { "Yukon Standard Time", "America/Whitehorse" },
};

/* tzdata 2025b, file backward; and the spelling that the examples of RFC 2445 taught. */
static const struct name_pair old_names[] = {
    { "US-Central", "America/Chicago" },
    { "US-Eastern", "America/New_York" },
    { "US-Mountain", "America/Denver" },
    { "US-Pacific", "America/Los_Angeles" },
    { "Africa/Asmera", "Africa/Nairobi" },
    { "Africa/Timbuktu", "Africa/Abidjan" },
    { "America/Argentina/ComodRivadavia", "America/Argentina/Catamarca" },
    { "America/Atka", "America/Adak" },
    { "America/Buenos_Aires", "America/Argentina/Buenos_Aires" },
    { "America/Catamarca", "America/Argentina/Catamarca" },
    { "America/Coral_Harbour", "America/Panama" },
    { "America/Cordoba", "America/Argentina/Cordoba" },
    { "America/Ensenada", "America/Tijuana" },
    { "America/Fort_Wayne", "America/Indiana/Indianapolis" },
    { "America/Godthab", "America/Nuuk" },
    { "America/Indianapolis", "America/Indiana/Indianapolis" },
    { "America/Jujuy", "America/Argentina/Jujuy" },
    { "America/Knox_IN", "America/Indiana/Knox" },
    { "America/Kralendijk", "America/Puerto_Rico" },
    { "America/Louisville", "America/Kentucky/Louisville" },
    { "America/Lower_Princes", "America/Puerto_Rico" },
    { "America/Marigot", "America/Puerto_Rico" },
    { "America/Mendoza", "America/Argentina/Mendoza" },
    { "America/Montreal", "America/Toronto" },
    { "America/Nipigon", "America/Toronto" },
    { "America/Pangnirtung", "America/Iqaluit" },
    { "America/Porto_Acre", "America/Rio_Branco" },
    { "America/Rainy_River", "America/Winnipeg" },
    { "America/Rosario", "America/Argentina/Cordoba" },
    { "America/Santa_Isabel", "America/Tijuana" },
    { "America/Shiprock", "America/Denver" },
    { "America/St_Barthelemy", "America/Puerto_Rico" },
    { "America/Thunder_Bay", "America/Toronto" },
    { "America/Virgin", "America/Puerto_Rico" },
    { "America/Yellowknife", "America/Edmonton" },
    { "Antarctica/South_Pole", "Pacific/Auckland" },
    { "Arctic/Longyearbyen", "Europe/Berlin" },
    { "Asia/Ashkhabad", "Asia/Ashgabat" },
    { "Asia/Calcutta", "Asia/Kolkata" },
    { "Asia/Choibalsan", "Asia/Ulaanbaatar" },
    { "Asia/Chongqing", "Asia/Shanghai" },
    { "Asia/Chungking", "Asia/Shanghai" },
    { "Asia/Dacca", "Asia/Dhaka" },
    { "Asia/Harbin", "Asia/Shanghai" },
    { "Asia/Istanbul", "Europe/Istanbul" },
    { "Asia/Kashgar", "Asia/Urumqi" },
    { "Asia/Katmandu", "Asia/Kathmandu" },
    { "Asia/Macao", "Asia/Macau" },
    { "Asia/Rangoon", "Asia/Yangon" },
    { "Asia/Saigon", "Asia/Ho_Chi_Minh" },
    { "Asia/Tel_Aviv", "Asia/Jerusalem" },
    { "Asia/Thimbu", "Asia/Thimphu" },
    { "Asia/Ujung_Pandang", "Asia/Makassar" },
    { "Asia/Ulan_Bator", "Asia/Ulaanbaatar" },
    { "Atlantic/Faeroe", "Atlantic/Faroe" },
    { "Atlantic/Jan_Mayen", "Europe/Berlin" },
    { "Australia/ACT", "Australia/Sydney" },
    { "Australia/Canberra", "Australia/Sydney" },
    { "Australia/Currie", "Australia/Hobart" },
    { "Australia/LHI", "Australia/Lord_Howe" },
    { "Australia/NSW", "Australia/Sydney" },
    { "Australia/North", "Australia/Darwin" },
    { "Australia/Queensland", "Australia/Brisbane" },
    { "Australia/South", "Australia/Adelaide" },
    { "Australia/Tasmania", "Australia/Hobart" },
    { "Australia/Victoria", "Australia/Melbourne" },
    { "Australia/West", "Australia/Perth" },
    { "Australia/Yancowinna", "Australia/Broken_Hill" },
    { "Brazil/Acre", "America/Rio_Branco" },
    { "Brazil/DeNoronha", "America/Noronha" },
    { "Brazil/East", "America/Sao_Paulo" },
    { "Brazil/West", "America/Manaus" },
    { "Canada/Atlantic", "America/Halifax" },
    { "Canada/Central", "America/Winnipeg" },
    { "Canada/Eastern", "America/Toronto" },
    { "Canada/Mountain", "America/Edmonton" },
    { "Canada/Newfoundland", "America/St_Johns" },
    { "Canada/Pacific", "America/Vancouver" },
    { "Canada/Saskatchewan", "America/Regina" },
    { "Canada/Yukon", "America/Whitehorse" },
    { "Chile/Continental", "America/Santiago" },
    { "Chile/EasterIsland", "Pacific/Easter" },
    { "Cuba", "America/Havana" },
    { "Egypt", "Africa/Cairo" },
    { "Eire", "Europe/Dublin" },
    { "Etc/GMT+0", "Etc/GMT" },
    { "Etc/GMT-0", "Etc/GMT" },
    { "Etc/GMT0", "Etc/GMT" },
    { "Etc/Greenwich", "Etc/GMT" },
    { "Etc/UCT", "Etc/UTC" },
    { "Etc/Universal", "Etc/UTC" },
    { "Etc/Zulu", "Etc/UTC" },
    { "Europe/Belfast", "Europe/London" },
    { "Europe/Bratislava", "Europe/Prague" },
    { "Europe/Busingen", "Europe/Zurich" },
    { "Europe/Kiev", "Europe/Kyiv" },
    { "Europe/Mariehamn", "Europe/Helsinki" },
    { "Europe/Nicosia", "Asia/Nicosia" },
    { "Europe/Podgorica", "Europe/Belgrade" },
    { "Europe/San_Marino", "Europe/Rome" },
    { "Europe/Tiraspol", "Europe/Chisinau" },
    { "Europe/Uzhgorod", "Europe/Kyiv" },
    { "Europe/Vatican", "Europe/Rome" },
    { "Europe/Zaporozhye", "Europe/Kyiv" },
    { "GB", "Europe/London" },
    { "GB-Eire", "Europe/London" },
    { "GMT+0", "Etc/GMT" },
    { "GMT-0", "Etc/GMT" },
    { "GMT0", "Etc/GMT" },
    { "Greenwich", "Etc/GMT" },
    { "Hongkong", "Asia/Hong_Kong" },
    { "Iceland", "Africa/Abidjan" },
    { "Iran", "Asia/Tehran" },
    { "Israel", "Asia/Jerusalem" },
    { "Jamaica", "America/Jamaica" },
    { "Japan", "Asia/Tokyo" },
    { "Kwajalein", "Pacific/Kwajalein" },
    { "Libya", "Africa/Tripoli" },
    { "Mexico/BajaNorte", "America/Tijuana" },
    { "Mexico/BajaSur", "America/Mazatlan" },
    { "Mexico/General", "America/Mexico_City" },
    { "NZ", "Pacific/Auckland" },
    { "NZ-CHAT", "Pacific/Chatham" },
    { "Navajo", "America/Denver" },
    { "PRC", "Asia/Shanghai" },
    { "Pacific/Enderbury", "Pacific/Kanton" },
    { "Pacific/Johnston", "Pacific/Honolulu" },
    { "Pacific/Ponape", "Pacific/Guadalcanal" },
    { "Pacific/Samoa", "Pacific/Pago_Pago" },
    { "Pacific/Truk", "Pacific/Port_Moresby" },
    { "Pacific/Yap", "Pacific/Port_Moresby" },
    { "Poland", "Europe/Warsaw" },
    { "Portugal", "Europe/Lisbon" },
    { "ROC", "Asia/Taipei" },
    { "ROK", "Asia/Seoul" },
    { "Singapore", "Asia/Singapore" },
    { "Turkey", "Europe/Istanbul" },
    { "UCT", "Etc/UTC" },
    { "US/Alaska", "America/Anchorage" },
    { "US/Aleutian", "America/Adak" },
    { "US/Arizona", "America/Phoenix" },
    { "US/Central", "America/Chicago" },
    { "US/East-Indiana", "America/Indiana/Indianapolis" },
    { "US/Eastern", "America/New_York" },
    { "US/Hawaii", "Pacific/Honolulu" },
    { "US/Indiana-Starke", "America/Indiana/Knox" },
    { "US/Michigan", "America/Detroit" },
    { "US/Mountain", "America/Denver" },
    { "US/Pacific", "America/Los_Angeles" },
    { "US/Pacific-New", "America/Los_Angeles" },
    { "US/Samoa", "Pacific/Pago_Pago" },
    { "Universal", "Etc/UTC" },
    { "W-SU", "Europe/Moscow" },
    { "Zulu", "Etc/UTC" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool zone_name_valid(struct str name)
{
    bool start = true; /* of a component */
    /* Zones begin with a capital; "localtime", "posixrules" and "Factory" lie beside them and would
     * quietly be some other zone. */
    if (name.len == 0 || name.len >= ZONE_NAME_MAX || name.ptr[0] < 'A' || name.ptr[0] > 'Z' ||
        str_is(name, "Factory"))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (c == '/') {
            if (start)
                return false;
            start = true;
        } else if (letter || (c >= '0' && c <= '9') || ((c == '_' || c == '+' || c == '-') && !start)) {
            start = false;
        } else {
            return false;
        }
    }
    return !start;
}

bool zone_name_is_utc(struct str name)
{
    static const char *const names[] = { "UTC", "Z", "GMT", "Etc/UTC", "Etc/GMT", "Etc/UCT", "UCT",
                                         "Zulu", "Universal", "tzone://Microsoft/Utc" };
    for (size_t i = 0; i < COUNT(names); i++)
        if (str_is_nocase(name, names[i]))
            return true;
    return false;
}

static const char *look_up(const struct name_pair *table, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_is_nocase(name, table[i].from))
            return table[i].to;
    return NULL;
}

/* The name with blanks as underscores ("America/New York"), if a file can be called so. */
static bool as_file_name(struct str name, char ret_name[ZONE_NAME_MAX])
{
    if (name.len >= ZONE_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        ret_name[i] = name.ptr[i] == ' ' ? '_' : name.ptr[i];
    ret_name[name.len] = 0;
    return zone_name_valid((struct str){ ret_name, name.len });
}

/* One form of the name: itself, its Windows meaning, its old meaning; k counts down over the hits. */
static bool form_candidate(struct str form, unsigned *k, char ret_name[ZONE_NAME_MAX])
{
    if (as_file_name(form, ret_name) && (*k)-- == 0)
        return true;
    const char *found = look_up(windows_names, COUNT(windows_names), form);
    if (found == NULL)
        found = look_up(old_names, COUNT(old_names), form);
    if (found == NULL || (*k)-- != 0)
        return false;
    memcpy(ret_name, found, strlen(found) + 1);
    return true;
}

bool zone_name_candidate(struct str name, unsigned k, char ret_name[ZONE_NAME_MAX])
{
    name = str_trim(name);
    if (k >= ZONE_CANDIDATES_MAX)
        return false;
    if (zone_name_is_utc(name)) {
        memcpy(ret_name, "Etc/UTC", sizeof("Etc/UTC"));
        return k == 0;
    }
    if (name.len == 0 || name.ptr[0] != '/')
        return form_candidate(name, &k, ret_name);
    /* "/vendor/version/Area/City": every tail, the longest first. */
    ptrdiff_t slash;
    name = str_slice(name, 1, name.len);
    for (;;) {
        if (form_candidate(name, &k, ret_name))
            return true;
        slash = str_find(name, '/');
        if (slash < 0)
            return false;
        name = str_slice(name, (size_t)slash + 1, name.len);
    }
}
