/* SPDX-License-Identifier: MIT */
/* truth.pml - how the truth reaches every page: one database, an outbox, a relay, two tabs of one user, and what goes
 * wrong between them. Checked by tests/model/check for all orders of all steps; README.md says what is left out.
 *
 * All faults happen while there is `trouble`: FAULTS of those that ALLOWED permits. Then they stop, what is under way
 * arrives, every page hears a ping, and refreshes. In the end every page must equal the database.
 *
 * Each switch takes one promise out of the contract:
 *   OLD_AGE      rings that get too old in the outbox are dropped; else one question to all takes their place
 *   OLD_REFUSAL  so are rings that the relay, or something before it, refuses
 *   OLD_PAGE     a page knows no epoch, and compares even the answers to its own questions
 *   NO_PING      the relay is not told where the database is, and pages hear no ping
 *   NO_REFRESH   a live page does not ask now and then
 *   BAD_STEP     a page takes the step of a ring wherever it is
 * STEPS adds to it: a ring for one new message to all carries the step to its number, and some events for many are none.
 */

#ifndef EVENTS
#define EVENTS 3 /* changes of the database */
#endif
#ifndef FAULTS
#define FAULTS 2
#endif

/* Faults, for ALLOWED. */
#define CUT 1      /* the app cannot reach the relay, maybe for longer than ring_max_age */
#define REFUSAL 2  /* something in between refuses every call, for a while */
#define RESTORE 4  /* the database goes back: failover, restored dump */
#define REPEAT 8   /* a call is sent again, as its answer is lost */
#define OVERTAKE 16 /* calls overtake each other, and so do a page's rings */
#define DOUBLE 32  /* a page hears a ring twice */
#define LOSS 64    /* a page does not hear a ring */
#define LEAVE 128  /* a page loses its connection */
#define RESTART 256 /* the relay restarts, and knows nothing */
#ifndef ALLOWED
#define ALLOWED 511
#endif

#ifndef PINGS
#define PINGS 1
#endif

byte faults = FAULTS;
#define MAY(fault) (faults > 0 && (ALLOWED & fault))

#ifndef TABS
#define TABS 2 /* of one user */
#endif
#define EPOCHS (FAULTS + 2) /* each restore makes one; 0: not told */

/* What an answer, a ring and the database say. */
typedef numbers {
    byte epoch, version, seq, num
};

inline forget(kind, n)
{
    kind = 0;
    n.epoch = 0;
    n.version = 0;
    n.seq = 0;
    n.num = 0
}

inline copy(to, from)
{
    to.epoch = from.epoch;
    to.version = from.version;
    to.seq = from.seq;
    to.num = from.num
}

/* --- the database --- */

numbers db, backup;
bool own, many, ask; /* what waits in the outbox: rings for the user, for many, and the question to all */
byte was_true[EPOCHS]; /* the counts that there were, a bit for each */
#ifdef STEPS
byte step_from; /* the event for many before the newest, if that is a message to all */
bool is_step, are_several; /* whether it is; whether more than one waits */
short for_many[EPOCHS], to_all[EPOCHS]; /* the events for many, and those that are messages to all: a bit for each seq */
#endif

inline note_truth()
{
    was_true[db.epoch] = was_true[db.epoch] | (1 << db.num)
}

/* Numbers come from one sequence. */
#define NEXT ((db.version > db.seq -> db.version : db.seq) + 1)

inline send_to_user()
{
    db.version = NEXT;
    db.num++;
    own = true;
    note_truth()
}

/* A new seq, of a message to all or of something else. */
inline move_seq(is_message)
{
#ifdef STEPS
    are_several = many;
    is_step = is_message;
    step_from = db.seq;
    db.seq = NEXT;
    for_many[db.epoch] = for_many[db.epoch] | (1 << db.seq);
    to_all[db.epoch] = to_all[db.epoch] | (is_message << db.seq)
#else
    db.seq = NEXT
#endif
}

inline send_to_many()
{
    move_seq(true);
    db.num++;
    many = true;
    note_truth()
}

inline recall()
{
    move_seq(false);
    db.num--;
    many = true;
    note_truth()
}

inline read_all()
{
    db.version = NEXT;
    db.num = 0;
    own = true;
    note_truth()
}

/* An empty outbox is the worst that a backup can hold. */
inline restore()
{
    backup.epoch = db.epoch + 1;
    copy(db, backup);
    own = false;
    many = false;
    ask = true; /* new_epoch() */
    note_truth()
}

/* --- from the app to the relay --- */

mtype = { OWN, MANY, STEP, ASK, PULSE, WELCOME, PING, HEARD };
mtype:link = { UP, IS_CUT, REFUSES };

mtype:link link = UP;
chan calls = [2] of { mtype, numbers }; /* under way; their rows are leased */
bool pulse; /* one is under way */
numbers relay; /* what the relay was told: epoch and seq */

#ifdef NO_PING
#define RELAY_IS_BEHIND false
#else
#define RELAY_IS_BEHIND (relay.epoch != db.epoch || relay.seq < db.seq)
#endif

/* A row of another history is not there any more. */
inline give_back(kind, n)
{
    if
    :: kind == PULSE -> pulse = false
    :: kind != PULSE && n.epoch == db.epoch ->
        own = own || kind == OWN;
#ifdef STEPS
        are_several = are_several || (many && (kind == MANY || kind == STEP)) || ((kind == MANY || kind == STEP) && n.seq != db.seq);
#endif
        many = many || kind == MANY || kind == STEP;
        ask = ask || kind == ASK
    :: else
    fi
}

inline refuse(kind, n)
{
    if
    :: kind == PULSE -> pulse = false
    :: kind == ASK && n.epoch == db.epoch -> ask = true
#ifndef OLD_REFUSAL
    :: (kind == OWN || kind == MANY || kind == STEP) && n.epoch == db.epoch -> ask = true
#endif
    :: else
    fi
}

inline grow_old()
{
#ifndef OLD_AGE
    ask = ask || own || many;
#endif
    own = false;
    many = false
}

/* --- a page: www/bell/core/engine.js, knowledge.js and poller.js, in their words --- */

#define IDLE 0
mtype:question = { ASKED, ANSWERED };

typedef page {
    bool is_live;
    bool is_known;
    numbers known; /* and the epoch that the page is in; num is the badge */
#ifdef STEPS
    bool is_computed; /* known was computed from a step */
    bool has_terms; /* an answer of this epoch has told what the user mutes, which a ring does not */
#endif
    bool has_crossed; /* the old page believes the second answer that crosses */
    byte heard, settled; /* seq of rings for many */
    /* Of the poller: */
    mtype:question question;
    bool again;
    bool is_last; /* nothing has come since the question */
    byte asked_seq;
    numbers answer;
    /* Of a call that changes something: */
    bool writes;
    bool write_is_last;
    byte write_seq;
    numbers written
};

page tabs[TABS];
chan to_tab[TABS] = [3] of { mtype, numbers };

#define max(a, b) (a > b -> a : b)
#define IS_BEHIND(n) (n.version < my.known.version || n.seq < my.known.seq)
#define IS_AHEAD(n) (n.version > my.known.version || n.seq > my.known.seq)
#define IS_NEWER(n) (!my.is_known || !IS_BEHIND(n))
#define IS_CROSSED(n) (my.is_known && IS_BEHIND(n) && IS_AHEAD(n))

#define my tabs[me]

/* For replay.test.mjs, which makes the real page take the same steps. */
#ifdef TRACE
#define TELL(format, kind, n) printf(format, me, kind, n.epoch, n.version, n.seq, n.num)
#define TELL_WORD(format) printf(format, me)
#define TELL_KNOWN() printf("tab %d knows %d %d %d %d\n", me, my.is_known, my.known.version, my.known.seq, my.known.num)
#else
#define TELL(format, kind, n) skip
#define TELL_WORD(format) skip
#define TELL_KNOWN() skip
#endif

inline begin_question()
{
    TELL_WORD("tab %d asks\n");
    my.question = ASKED;
    my.is_last = true;
    my.asked_seq = my.heard
}

/* One at a time; the spread of a ring for many is a delay like any other. */
inline want()
{
    TELL_WORD("tab %d wants\n");
    if
    :: my.question == IDLE -> begin_question()
    :: else -> my.again = true
    fi
}

#ifdef STEPS
#define COMPUTED(is_it) my.is_computed = is_it
#define HAS_TERMS(it_has) my.has_terms = it_has
#define HAS_MISSED (my.heard > max(my.known.seq, my.settled))
#else
#define COMPUTED(is_it) skip
#define HAS_TERMS(it_has) skip
#endif

inline something_came()
{
    my.is_last = false;
    my.write_is_last = false
}

/* is_other: another epoch than was known. */
inline meet_epoch(told)
{
    is_other = false;
#ifndef OLD_PAGE
    if
    :: told != 0 && told != my.known.epoch ->
        is_other = my.known.epoch != 0;
        my.known.epoch = told;
        if
        :: is_other ->
            something_came();
            COMPUTED(false);
            HAS_TERMS(false);
            my.is_known = false;
            my.known.version = 0;
            my.known.seq = 0;
            my.heard = 0;
            my.settled = 0
        :: else
        fi
    :: else
    fi
#endif
}

inline know(n)
{
    something_came();
    COMPUTED(false);
    my.is_known = true;
    my.known.version = n.version;
    my.known.seq = n.seq;
    my.known.num = n.num
}

inline display(n)
{
    know(n);
#ifndef OLD_PAGE
    assert(my.known.epoch == n.epoch);
#endif
    assert(was_true[n.epoch] & (1 << n.num)) /* never a count that never was */
}

inline hear_numbers(n)
{
    if
    :: IS_NEWER(n) -> display(n)
    :: IS_CROSSED(n) -> want()
    :: else
    fi
}

inline hear_seq(n)
{
    if
    :: n.seq > my.settled && !(my.is_known && my.known.seq >= n.seq) ->
        my.heard = max(my.heard, n.seq);
        want()
    :: else
    fi
}

/* The ring of a step has `from` in the place of version. What it leads to need never have been the database's: the user's own
 * changes may still be on their way. But it is what was known, and that one message. */
#define SINCE_KNOWN(seqs) (((seqs) >> (my.known.seq + 1)) << (my.known.seq + 1))
#define IS_ONE_MORE(n) (SINCE_KNOWN(for_many[n.epoch]) % (2 << n.seq) == (1 << n.seq) && (to_all[n.epoch] & (1 << n.seq)))

inline hear_step(n)
{
#ifdef STEPS
    if
#ifdef BAD_STEP
    :: my.is_known && my.known.seq < n.seq ->
#else
    :: my.is_known && my.has_terms && my.known.seq < n.seq && !HAS_MISSED && n.version <= my.known.seq && my.known.version < n.seq ->
#endif
        assert(IS_ONE_MORE(n));
        n.version = my.known.version;
        n.num = my.known.num + 1;
        know(n);
        COMPUTED(true)
    :: else -> hear_seq(n)
    fi
#else
    skip
#endif
}

/* Another tab may not have heard of a restore: only the app knows which epoch is the newer one. */
#ifdef OLD_PAGE
#define IS_OF_ANOTHER(kind, n) false
#else
#define IS_OF_ANOTHER(kind, n) (kind == HEARD && n.epoch != 0 && my.known.epoch != 0 && n.epoch != my.known.epoch)
#endif

inline hear_here(kind, n)
{
    meet_epoch(n.epoch);
    if
    :: !is_other && kind == STEP -> hear_step(n)
    :: is_other || kind == ASK || kind == WELCOME -> want()
    :: !is_other && (kind == OWN || kind == HEARD) -> hear_numbers(n)
    :: !is_other && (kind == MANY || (kind == PING && n.seq > my.heard)) -> hear_seq(n)
    :: !is_other && kind == PING && n.seq <= my.heard -> skip
    fi
}

inline hear(kind, n)
{
    if
    :: IS_OF_ANOTHER(kind, n) -> want()
    :: else -> hear_here(kind, n)
    fi
}

/* An answer to what was asked when `last` began to be so. */
inline take(n, last, seq_then)
{
#ifdef OLD_PAGE
    was_last = my.has_crossed;
    my.has_crossed = !was_last && IS_CROSSED(n);
#else
    was_last = last;
#endif
    meet_epoch(n.epoch);
    if
    :: is_other && !was_last -> want()
    :: else ->
        HAS_TERMS(true);
        if
        :: was_last && !is_other -> my.settled = max(my.settled, seq_then)
        :: else
        fi;
        if
        :: was_last -> display(n)
        :: else -> hear_numbers(n)
        fi;
#ifdef STEPS
        if
        :: my.is_computed -> want() /* what was computed since is no answer */
        :: else
        fi
#endif
    fi
}

inline leave(i)
{
    tabs[i].is_live = false;
    do
    :: nempty(to_tab[i]) -> to_tab[i] ? kind(n)
    :: empty(to_tab[i]) -> break
    od;
    forget(kind, n)
}

proctype tab(byte me)
{
    mtype kind;
    numbers n;
    bool is_other, was_last;

end:
    do
    :: d_step { !my.is_live && nfull(to_tab[me]) ->
        my.is_live = true;
        n.epoch = relay.epoch;
        to_tab[me] ! WELCOME(n);
        forget(kind, n) }
    :: d_step { nempty(to_tab[me]) ->
        to_tab[me] ? kind(n);
        TELL("tab %d hears %e %d %d %d %d\n", kind, n);
        hear(kind, n);
        TELL_KNOWN();
        is_other = false;
        forget(kind, n) }
    :: d_step { my.question == ASKED ->
        my.question = ANSWERED;
        copy(my.answer, db) }
    :: d_step { my.question == ANSWERED ->
        TELL("tab %d is-answered %e %d %d %d %d\n", HEARD, my.answer);
        take(my.answer, my.is_last, my.asked_seq);
        TELL_KNOWN();
        forget(kind, my.answer);
        my.question = IDLE;
        my.is_last = false;
        my.asked_seq = 0;
        if
        :: my.again -> my.again = false; begin_question()
        :: else
        fi;
        is_other = false;
        was_last = false }
    :: d_step { my.writes && nfull(to_tab[TABS - 1]) ->
        TELL("tab %d has-written %e %d %d %d %d\n", HEARD, my.written);
        take(my.written, my.write_is_last, my.write_seq);
        TELL_KNOWN();
#if TABS > 1
        to_tab[1] ! HEARD(my.written);
#endif
        my.writes = false;
        my.write_is_last = false;
        my.write_seq = 0;
        forget(kind, my.written);
        is_other = false;
        was_last = false }
    :: d_step { MAY(DOUBLE) && len(to_tab[me]) == 1 ->
        faults--;
        to_tab[me] ? <kind, n>;
        to_tab[me] ! kind(n);
        forget(kind, n) }
    :: d_step { MAY(OVERTAKE) && len(to_tab[me]) > 1 ->
        faults--;
        to_tab[me] ? kind(n);
        to_tab[me] ! kind(n);
        forget(kind, n) }
    :: d_step { MAY(LOSS) && nempty(to_tab[me]) -> faults--; to_tab[me] ? kind(n); forget(kind, n) }
    :: d_step { MAY(LEAVE) && my.is_live -> faults--; leave(me) }
    od
}

/* --- the app's publisher --- */

proctype app()
{
    mtype kind;
    numbers n;

end:
    do /* what a ring says is computed when its row is leased */
    :: d_step { own && link != IS_CUT && nfull(calls) -> own = false; calls ! OWN(db) }
#ifdef STEPS
    :: d_step { many && is_step && !are_several && link != IS_CUT && nfull(calls) ->
        many = false;
        copy(n, db);
        n.version = step_from;
        n.num = 0;
        calls ! STEP(n);
        forget(kind, n) }
    :: d_step { many && !(is_step && !are_several) && link != IS_CUT && nfull(calls) -> many = false; are_several = false; calls ! MANY(db) }
#else
    :: d_step { many && link != IS_CUT && nfull(calls) -> many = false; calls ! MANY(db) }
#endif
    :: d_step { ask && link == UP && nfull(calls) -> ask = false; calls ! ASK(db) } /* until it is taken */
    :: d_step { RELAY_IS_BEHIND && link == UP && !pulse && nfull(calls) -> pulse = true; calls ! PULSE(db) }
    od
}

/* --- the relay --- */

inline tell(i, kind, n)
{
    if
    :: tabs[i].is_live -> to_tab[i] ! kind(n)
    :: else
    fi
}

inline tell_all(kind, n)
{
    tell(0, kind, n);
#if TABS > 1
    tell(1, kind, n)
#endif
}

inline learn(n)
{
    if
    :: n.epoch != relay.epoch ->
        is_other = relay.epoch != 0;
        relay.epoch = n.epoch;
        relay.seq = 0;
        if
        :: is_other -> tell_all(ASK, relay)
        :: else
        fi
    :: else
    fi;
    is_other = false
}

#define HAS_ROOM (len(to_tab[0]) < 2 && len(to_tab[TABS - 1]) < 2)

proctype the_relay()
{
    mtype kind;
    numbers n;
    bool is_other;
    byte pings = PINGS;

end:
    do
    :: d_step { nempty(calls) && link == UP && HAS_ROOM ->
        calls ? kind(n);
        learn(n);
        if
        :: kind == MANY || kind == STEP || kind == PULSE -> relay.seq = max(relay.seq, n.seq)
        :: else
        fi;
        if
        :: kind == PULSE -> pulse = false
        :: else -> tell_all(kind, n)
        fi;
        forget(kind, n) }
    :: d_step { nempty(calls) && link == REFUSES ->
        calls ? kind(n);
        refuse(kind, n);
        forget(kind, n) }
    :: d_step { pings > 0 && HAS_ROOM -> pings--; tell_all(PING, relay) }
    :: d_step { MAY(REPEAT) && nempty(calls) -> faults--; calls ? <kind, n>; give_back(kind, n); forget(kind, n) }
    :: d_step { MAY(OVERTAKE) && len(calls) > 1 -> faults--; calls ? kind(n); calls ! kind(n); forget(kind, n) }
    od
}

/* --- what happens --- */

inline fail_calls()
{
    do
    :: nempty(calls) -> calls ? kind(n); give_back(kind, n)
    :: empty(calls) -> break
    od;
    forget(kind, n)
}

#define IS_AT_REST(i) (tabs[i].is_live && empty(to_tab[i]) && tabs[i].question == IDLE && !tabs[i].writes)
#define IS_QUIET (!own && !many && !ask && empty(calls) && !RELAY_IS_BEHIND && IS_AT_REST(0) && IS_AT_REST(TABS - 1))
#define IS_RIGHT(i) (tabs[i].is_known && tabs[i].known.num == db.num \
    && tabs[i].known.version == db.version && tabs[i].known.seq == db.seq)

bool is_over;

proctype world()
{
    byte events = EVENTS, me;
    bool has_backup;
    mtype kind;
    numbers n;

    do
    :: d_step { events > 0 -> events--; send_to_user() }
    :: d_step { events > 0 -> events--; send_to_many() }
#ifdef STEPS
    :: d_step { events > 0 && db.num > 0 -> events--; recall() }
#endif
    :: d_step { events > 0 && db.num > 0 && !tabs[0].writes -> events--; read_all();
        TELL_WORD("tab %d writes\n");
        tabs[0].writes = true;
        tabs[0].write_is_last = true;
        tabs[0].write_seq = tabs[0].heard;
        copy(tabs[0].written, db) }
    :: d_step { !has_backup && MAY(RESTORE) -> has_backup = true; copy(backup, db) }
    :: d_step { has_backup && MAY(RESTORE) -> faults--; restore() }
    :: d_step { MAY(CUT) && link == UP -> faults--; link = IS_CUT; fail_calls() }
    :: d_step { link == IS_CUT && (own || many) -> grow_old() }
    :: d_step { MAY(REFUSAL) && link == UP -> faults--; link = REFUSES }
    :: d_step { link != UP -> link = UP }
    :: d_step { MAY(RESTART) -> faults--; leave(0); leave(TABS - 1); relay.epoch = 0; relay.seq = 0; fail_calls() }
    :: d_step { events == 0 -> faults = 0; link = UP } -> break
    od;

    IS_QUIET ->
#ifndef NO_PING
    d_step { tell_all(PING, relay) };
    IS_QUIET ->
#endif
#ifndef NO_REFRESH
    d_step { want(); me = TABS - 1; want(); me = 0 };
    IS_QUIET ->
#endif
    assert(IS_RIGHT(0) && IS_RIGHT(TABS - 1));
    is_over = true
}

/* Live, and right. */
inline begin(i)
{
    tabs[i].is_live = true;
    tabs[i].is_known = true;
#ifdef STEPS
    tabs[i].has_terms = true;
#endif
    copy(tabs[i].known, db)
}

init
{
    atomic {
        db.epoch = 1;
        note_truth();
        relay.epoch = 1;
        begin(0);
        run tab(0);
#if TABS > 1
        begin(1);
        run tab(1);
#endif
        run app();
        run the_relay();
        run world()
    }
}

ltl ends { <> is_over }
