#include "token_window.h"

#include "limits.h"

static int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

accs_token_phase accs_token_window(int64_t life_ms, int64_t left_ms, uint32_t random)
{
    int64_t ahead = at_most(ACCS_LIMIT_TOKEN_AHEAD, life_ms / 5);
    int64_t margin = at_most(ACCS_LIMIT_TOKEN_MARGIN, life_ms / 10);
    int64_t spread;

    if (margin < ACCS_LIMIT_TOKEN_MARGIN_MIN)
        margin = ACCS_LIMIT_TOKEN_MARGIN_MIN;
    if (ahead < margin)
        ahead = margin;
    spread = (int64_t)((uint64_t)(ahead - margin) / 4 * random >> 32);
    if (left_ms <= 0)
        return ACCS_TOKEN_DEAD;
    if (left_ms <= margin)
        return ACCS_TOKEN_MARGIN;
    return left_ms <= ahead - spread ? ACCS_TOKEN_AHEAD : ACCS_TOKEN_FRESH;
}

int64_t accs_token_life_ms(bool has_expires_in, int64_t expires_in)
{
    if (!has_expires_in || expires_in <= 0)
        return ACCS_LIMIT_TOKEN_LIFE_DEFAULT;
    if (expires_in <= ACCS_LIMIT_TOKEN_LIFE_MAX / 1000)
        return expires_in * 1000;
    return expires_in <= ACCS_LIMIT_TOKEN_LIFE_MAX ? expires_in : ACCS_LIMIT_TOKEN_LIFE_DEFAULT;
}

static bool sane(int64_t life_ms)
{
    return life_ms > 0 && life_ms <= ACCS_LIMIT_TOKEN_LIFE_MAX;
}

/* What the claims say, or 0 when they say nothing that makes sense. */
static int64_t claimed_ms(const accs_jwt_facts *times, int64_t date_ms)
{
    int64_t life_ms = times->expires_in_ms;
    int64_t left_ms;

    if (!sane(life_ms))
        return 0;
    if (times->created_at_ms == 0 || date_ms < 0)
        return life_ms;
    left_ms = times->created_at_ms + life_ms - date_ms;
    return sane(left_ms) ? at_most(left_ms, life_ms) : life_ms;
}

int64_t accs_token_left_ms(bool has_expires_in, int64_t expires_in, const accs_jwt_facts *times,
                           int64_t date_ms)
{
    int64_t claimed = times != NULL ? claimed_ms(times, date_ms) : 0;
    bool told = has_expires_in && expires_in > 0 && expires_in <= ACCS_LIMIT_TOKEN_LIFE_MAX;
    int64_t life_ms = accs_token_life_ms(has_expires_in, expires_in);

    if (claimed == 0)
        return life_ms;
    return told ? at_most(life_ms, claimed) : claimed;
}

int64_t accs_token_kept_ms(int64_t expires_wall_ms, int64_t life_ms, int64_t now_wall_ms)
{
    int64_t left_ms = expires_wall_ms - now_wall_ms;

    if (!sane(life_ms) || left_ms <= 0 || left_ms - life_ms > ACCS_LIMIT_CLOCK_SKEW)
        return 0;
    return at_most(left_ms, life_ms);
}
