/* SPDX-License-Identifier: MIT */
#include "fcgi-app/store/checks.h"

#include "fcgi-app/store/query.h"

/* The clock is read after the snapshot was taken: what a sweep has removed in it is past its
 * valid_until then. LATERAL and OFFSET 0 make it look-ups by key, whatever the planner knows. Few
 * users have a row in token_state. */
STATEMENT(check_states, AS_USER, 1, 7, SHAPE_ROWS, REPEATABLE,
          "SELECT u.n, s.joined_pos, s.version, s.seq, s.epoch, " CLOCK_US(
              "clock_timestamp()") ", t.generation"
                                   " FROM unnest($1::text[]) WITH ORDINALITY u (user_id, n)"
                                   " CROSS JOIN LATERAL (SELECT * FROM doorbell.check_state c"
                                   " WHERE c.user_id = u.user_id OFFSET 0) s"
                                   " LEFT JOIN LATERAL (SELECT * FROM doorbell.token_state k"
                                   " WHERE k.user_id = u.user_id OFFSET 0) t ON true");

enum err checks_states(struct store *s, const char *users, void *ctx,
                       void (*take)(void *ctx, size_t number, const struct check_state *state,
                                    int64_t now_us, int64_t generation))
{
    const struct pg_result *result;
    enum err e = QUERY(s, check_states, &result, users);

    for (int row = 0; !e && row < value_count_rows(result); row++) {
        const struct check_state state = {
            .joined_pos = value_read_int(result, row, 1, 0),
            .version = value_read_int(result, row, 2, 0),
            .seq = value_read_int(result, row, 3, 0),
            .epoch = value_read_int(result, row, 4, 0),
        };

        take(ctx, (size_t)value_read_int(result, row, 0, 1) - 1, &state,
             value_read_int(result, row, 5, 0), value_read_int(result, row, 6, 0));
    }
    return e;
}

/* The first columns of both. */
#define ANSWER(epoch)                                                                              \
    "n, joined_pos, version, seq, " epoch                                                          \
    ", num, hit, latest, " CLOCK_US("at") ", CASE WHEN valid_until < 'infinity' THEN " CLOCK_US(   \
        "valid_until") " END, scope, groups, coalesce(muted, 'null'), quiet[1], quiet[2]"

static struct check_answer read_answer(const struct pg_result *result, int row)
{
    return (struct check_answer){
        .state = {value_read_int(result, row, 1, 0), value_read_int(result, row, 2, 0),
                  value_read_int(result, row, 3, 0), value_read_int(result, row, 4, 0)},
        .num = value_read_int(result, row, 5, 0),
        .hit = value_read_int(result, row, 6, 0),
        .latest = value_read_int(result, row, 7, 0),
        .at_us = value_read_int(result, row, 8, 0),
        .valid_until_us = value_read_int(result, row, 9, INT64_MAX),
        .terms = {value_read_int(result, row, 10, 0), value_read_int(result, row, 11, 0),
                  value_read_text(result, row, 12), value_read_int(result, row, 13, 0),
                  value_read_int(result, row, 14, 0)},
    };
}

static size_t read_number(const struct pg_result *result, int row)
{
    return (size_t)value_read_int(result, row, 0, 1) - 1;
}

STATEMENT(check_answers, AS_USER, 2, 16, SHAPE_ROWS, REPEATABLE,
          "SELECT " ANSWER(EPOCH) ", t.generation"
                                  " FROM doorbell.unread_many($1::text[], $2::integer)"
                                  " LEFT JOIN LATERAL (SELECT * FROM doorbell.token_state k"
                                  " WHERE k.user_id = ($1::text[])[n] OFFSET 0) t ON true");

enum err checks_answers(struct store *s, const char *users, int64_t hit_window_s, void *ctx,
                        void (*take)(void *ctx, size_t number, const struct check_answer *answer,
                                     int64_t generation))
{
    struct digits hit_window;
    const struct pg_result *result;
    enum err e = QUERY(s, check_answers, &result, users, value_int(&hit_window, hit_window_s));

    for (int row = 0; !e && row < value_count_rows(result); row++) {
        const struct check_answer answer = read_answer(result, row);

        take(ctx, read_number(result, row), &answer, value_read_int(result, row, 15, 0));
    }
    return e;
}

#define STANDBY_EPOCH                                                                              \
    "(SELECT c.epoch FROM doorbell.standby_state c WHERE c.user_id = ($1::text[])[n])"

STATEMENT(check_answers_there, AS_USER, 2, 16, SHAPE_ROWS, REPEATABLE,
          "SELECT " ANSWER(STANDBY_EPOCH) ", pg_catalog.pg_is_in_recovery()::integer"
                                          " FROM doorbell.unread_many($1::text[], $2::integer)");

/* None of which is taken of a server that is of no use. */
static size_t take_proved(const struct pg_result *result, void *ctx,
                          bool (*take)(void *ctx, size_t number, const struct check_answer *answer))
{
    size_t proved = 0;

    for (int row = 0; row < value_count_rows(result); row++) {
        const struct check_answer answer = read_answer(result, row);

        if (take(ctx, read_number(result, row), &answer))
            proved++;
    }
    return proved;
}

void checks_answers_there(struct standby *s, const char *users, int64_t hit_window_s,
                          const struct checks_proof *proof, void *ctx,
                          bool (*take)(void *ctx, size_t number, const struct check_answer *answer))
{
    struct digits hit_window;
    const struct pg_result *result;
    const char *fault = NULL;
    size_t proved = 0;

    if (!standby_ask(s, &check_answers_there,
                     VALUES(check_answers_there, users, value_int(&hit_window, hit_window_s)),
                     &result))
        return;
    if (value_count_rows(result) > 0)
        fault = standby_fault(value_read_int(result, 0, 15, 0) != 0,
                              value_read_int(result, 0, 8, 0), proof->now_us, proof->asked_us);
    if (!fault)
        proved = take_proved(result, ctx, take);
    standby_note(s, proof->count, proved, fault);
}

const struct statement *const checks_statements[] = {&check_states, &check_answers, NULL};
const struct statement *const checks_standby_statements[] = {&check_answers_there, NULL};

/* One plan for a statement, whatever the number of users in it, by the keys. */
enum err checks_init(struct store *s, const struct config_database *config)
{
    static const struct statement *const *const lists[] = {checks_statements, NULL};

    return connection_new(config, lists,
                          CONNECTION_SETTING("plan_cache_mode", "force_generic_plan")
                              CONNECTION_SETTING("enable_seqscan", "off"),
                          &s->connection);
}
