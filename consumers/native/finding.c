/* Which of many pieces stand in texts: what an automaton (Aho-Corasick) finds, from tables that fit the processor's cache.

   Of each piece its rarest bytes, up to eight, are looked for in tables of bits; where a text may have them, the piece is
   compared. Texts come many at once.

   Nothing is allocated and nothing is kept: pieces and ways lie in memory that the caller owns, and are only read once
   they are made. The texts are hostile: every read and every write is within what the caller said. Each byte of a text is
   looked at up to six times, and compared with the pieces that have the same rare bytes. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MOST_PIECES (1u << 15) /* beyond that the tables of bits are too full to spare anything */
#define MOST_IN_BUCKET 1024    /* pieces that are compared at one place: what bounds the time of a hostile text */
#define MOST_FINDS 256         /* of one text */
#define CLAUSES 4096
#define MOST_NUMBERS (1u << 20)
#define KEYS 6
#define LONG_KEYS 3 /* the first of four bytes and more, which are looked for by their first four */
#define ALL_LONG 0x38u
#define FILTER_BITS 18
#define BUCKET_BITS 14

static const uint8_t key_sizes[KEYS] = {1, 2, 3, 4, 6, 8};

struct entry {
    uint32_t piece, start, size, anchor, which; /* start: in the pool; anchor, which: where its key begins, its size */
};

struct pieces {
    uint32_t count;
    uint8_t lone[256], pair[65536]; /* which short keys begin with a byte, and with two: a bit for each size */
    uint8_t first_four[(1u << FILTER_BITS) / 8], filter[(1u << FILTER_BITS) / 8];
    uint32_t buckets[(1u << BUCKET_BITS) + 1];
    /* Then the entries, and the pieces' bytes. */
};

typedef int visit(void *context, uint32_t piece, size_t start);

static const struct entry *entries_of(const struct pieces *pieces) { return (const struct entry *)(pieces + 1); }

static const uint8_t *pool_of(const struct pieces *pieces) {
    return (const uint8_t *)(entries_of(pieces) + pieces->count);
}

static uint64_t key_at(const uint8_t *bytes, size_t size) {
    uint64_t key = 0;
    for (size_t at = 0; at < size; at++) key |= (uint64_t)bytes[at] << (8 * at);
    return key;
}

static uint64_t eight_at(const uint8_t *bytes) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t key;
    memcpy(&key, bytes, 8);
    return key;
#else
    return key_at(bytes, 8);
#endif
}

static uint32_t hash_of(uint64_t key, uint32_t which) {
    return (uint32_t)((key + which) * 0x9E3779B97F4A7C15u >> 32);
}

/* How common a byte is in texts, roughly. */
static uint32_t commonness(uint8_t byte) {
    static const char common[] = "zqxjkvbpgwyfmculdhrsnioate ";
    const char *at = byte ? strchr(common, byte) : NULL;
    return at == NULL ? 1 : 4 + (uint32_t)(at - common);
}

/* Where in a piece the four bytes are that texts have least. */
static uint32_t anchor_of(const uint8_t *piece, uint32_t size) {
    uint32_t best = 0, least = UINT32_MAX;
    for (uint32_t at = 0; at + 4 <= size; at++) {
        uint32_t product = 1;
        for (uint32_t next = 0; next < 4; next++) product *= commonness(piece[at + next]);
        if (product < least) {
            least = product;
            best = at;
        }
    }
    return best;
}

static void put(uint8_t *filter, uint32_t hash) {
    filter[hash >> (32 - FILTER_BITS) >> 3] |= (uint8_t)(1u << (hash >> (32 - FILTER_BITS) & 7));
}

static int is_in(const uint8_t *filter, uint32_t hash) {
    return filter[hash >> (32 - FILTER_BITS) >> 3] >> (hash >> (32 - FILTER_BITS) & 7) & 1;
}

/* Bytes of memory that pieces take. bytes: of all of them. */
size_t finding_size(uint32_t count, size_t bytes) {
    return sizeof(struct pieces) + count * sizeof(struct entry) + bytes;
}

/* Makes pieces of finding_size() bytes, all zero; 0, or -1 for what there cannot be: too many, an empty one, or too many
   with the same rare bytes. pool: their bytes, one after the other; sizes: how many each has. */
int32_t finding_make(struct pieces *pieces, uint32_t count, const uint8_t *pool, const uint32_t *sizes) {
    if (count > MOST_PIECES) return -1;
    pieces->count = count;
    struct entry *entries = (struct entry *)(pieces + 1);
    /* Once to count each bucket's pieces, once to put them there, which moves its beginning to its end. */
    for (int putting = 0; putting < 2; putting++) {
        uint32_t start = 0;
        for (uint32_t piece = 0; piece < count; start += sizes[piece++]) {
            const uint8_t *bytes = pool + start;
            uint32_t size = sizes[piece];
            if (size == 0) return -1;
            uint32_t anchor = anchor_of(bytes, size), which = KEYS - 1;
            while (key_sizes[which] > size - anchor) which--;
            uint32_t key_size = key_sizes[which];
            uint32_t hash = hash_of(key_at(bytes + anchor, key_size), which), bucket = hash >> (32 - BUCKET_BITS);
            if (putting) {
                entries[pieces->buckets[bucket]++] = (struct entry){piece, start, size, anchor, which};
                continue;
            }
            if (++pieces->buckets[bucket + 1] > MOST_IN_BUCKET) return -1;
            put(pieces->filter, hash);
            if (which >= LONG_KEYS) {
                put(pieces->first_four, hash_of(key_at(bytes + anchor, 4), KEYS));
                continue;
            }
            uint8_t bit = (uint8_t)(1u << which);
            pieces->lone[bytes[anchor]] |= bit;
            for (uint32_t second = 0; second < 256; second++)
                if (key_size == 1 || second == bytes[anchor + 1]) pieces->pair[bytes[anchor] | second << 8] |= bit;
        }
        if (!putting)
            for (uint32_t bucket = 0; bucket < 1u << BUCKET_BITS; bucket++)
                pieces->buckets[bucket + 1] += pieces->buckets[bucket];
        else if (start)
            memcpy((uint8_t *)(entries + count), pool, start);
    }
    memmove(pieces->buckets + 1, pieces->buckets, sizeof pieces->buckets - sizeof pieces->buckets[0]);
    pieces->buckets[0] = 0;
    return 0;
}

/* Visits each piece that has this key and stands around `at`; 0 where a visit says that it is enough. */
static inline int visit_at(const struct pieces *pieces, const uint8_t *text, size_t size, size_t at, uint32_t which,
                           uint64_t key, visit *visit, void *context) {
    uint32_t hash = hash_of(key, which);
    if (!is_in(pieces->filter, hash)) return 1;
    uint32_t bucket = hash >> (32 - BUCKET_BITS);
    for (uint32_t next = pieces->buckets[bucket]; next < pieces->buckets[bucket + 1]; next++) {
        const struct entry *entry = &entries_of(pieces)[next];
        if (entry->which != which || entry->anchor > at || entry->size > size - (at - entry->anchor)) continue;
        if (memcmp(text + at - entry->anchor, pool_of(pieces) + entry->start, entry->size) != 0) continue;
        if (!visit(context, entry->piece, at - entry->anchor)) return 0;
    }
    return 1;
}

/* Visits each find of a piece in a text; 0 where a visit says that it is enough. */
static inline int search(const struct pieces *pieces, const uint8_t *text, size_t size, visit *visit, void *context) {
    for (size_t at = 0; at < size; at++) {
        size_t left = size - at;
        uint64_t bytes = left < 8 ? key_at(text + at, left) : eight_at(text + at);
        uint32_t sizes = pieces->lone[text[at]];
        if (sizes && left > 1) sizes = pieces->pair[text[at] | (uint32_t)text[at + 1] << 8];
        if (is_in(pieces->first_four, hash_of(bytes & 0xFFFFFFFFu, KEYS))) sizes |= ALL_LONG;
        for (uint32_t which = 0; sizes >> which; which++) {
            if (!(sizes >> which & 1) || key_sizes[which] > left) continue;
            uint64_t key = bytes & UINT64_MAX >> (64 - 8 * key_sizes[which]);
            if (!visit_at(pieces, text, size, at, which, key, visit, context)) return 0;
        }
    }
    return 1;
}

struct finds {
    uint32_t *found;
    uint32_t count, room;
};

static int add_find(void *context, uint32_t piece, size_t start) {
    struct finds *finds = context;
    if (finds->count == finds->room) return 0;
    finds->found[2 * finds->count] = piece;
    finds->found[2 * finds->count++ + 1] = (uint32_t)start;
    return 1;
}

/* The finds in each of some texts, in no order: how many they are goes into `counts`, -1 where there are too many, and one
   after the other a find's piece and where it begins into `found`, which has room for so many finds in all. In how many
   texts there are any. */
uint32_t finding_find(const struct pieces *pieces, uint32_t texts, const uint8_t *const *text, const size_t *sizes,
                  int32_t *counts, uint32_t *found, uint32_t room) {
    uint32_t used = 0, with = 0;
    for (uint32_t number = 0; number < texts; number++) {
        uint32_t left = room - used;
        struct finds finds = {found + 2 * (size_t)used, 0, left < MOST_FINDS ? left : MOST_FINDS};
        int is_whole = sizes[number] < UINT32_MAX && search(pieces, text[number], sizes[number], add_find, &finds);
        counts[number] = is_whole ? (int32_t)finds.count : -1;
        with += counts[number] != 0;
        if (is_whole) used += finds.count;
    }
    return with;
}

/* Ways in which expressions can match: an expression has ways, a way needs clauses, and of a clause one of its pieces has
   to stand in the text. */
struct ways {
    uint32_t clauses, ways, pieces, beyond_ascii; /* beyond_ascii: how many clauses texts with such characters have */
    /* Then the lists: where each piece's clauses begin, and behind the last of them where they end; the clauses; where each
       clause's ways begin, which are numbered in that order, and where they end; where what each way needs begins, and
       where it ends; the clauses that it needs; how many digits it needs; the clauses of texts beyond ASCII. */
};

struct lists {
    const uint32_t *piece_starts, *piece_clauses, *clause_starts, *way_starts, *way_clauses, *digits, *beyond_ascii;
};

static struct lists lists_of(const struct ways *ways) {
    struct lists lists;
    lists.piece_starts = (const uint32_t *)(ways + 1);
    lists.piece_clauses = lists.piece_starts + ways->pieces + 1;
    lists.clause_starts = lists.piece_clauses + lists.piece_starts[ways->pieces];
    lists.way_starts = lists.clause_starts + ways->clauses + 1;
    lists.way_clauses = lists.way_starts + ways->ways + 1;
    lists.digits = lists.way_clauses + lists.way_starts[ways->ways];
    lists.beyond_ascii = lists.digits + ways->ways;
    return lists;
}

/* Bytes of memory that ways take. numbers: of all the lists together. */
size_t finding_ways_size(size_t numbers) { return sizeof(struct ways) + numbers * sizeof(uint32_t); }

/* Makes ways of finding_ways_size() bytes from lists that are as they have to be; 0, or -1 where there are too many. */
int32_t finding_ways_make(struct ways *ways, uint32_t pieces, uint32_t clauses, uint32_t count, uint32_t beyond_ascii,
                          const uint32_t *lists, size_t numbers) {
    if (clauses < 1 || clauses > CLAUSES || numbers > MOST_NUMBERS) return -1;
    *ways = (struct ways){clauses, count, pieces, beyond_ascii};
    memcpy(ways + 1, lists, numbers * sizeof(uint32_t));
    return 0;
}

struct clauses {
    const struct lists *lists;
    uint64_t set[CLAUSES / 64];
};

static int is_set(const struct clauses *clauses, uint32_t clause) {
    return clauses->set[clause / 64] >> clause % 64 & 1;
}

static void set(struct clauses *clauses, uint32_t clause) { clauses->set[clause / 64] |= (uint64_t)1 << clause % 64; }

static int set_clauses(void *context, uint32_t piece, size_t start) {
    (void)start;
    struct clauses *clauses = context;
    const struct lists *lists = clauses->lists;
    for (uint32_t at = lists->piece_starts[piece]; at < lists->piece_starts[piece + 1]; at++)
        set(clauses, lists->piece_clauses[at]);
    return 1;
}

static int is_alone(const uint8_t *kinds, const uint8_t *text, size_t size, size_t at) {
    return kinds[text[at]] && (at == 0 || !kinds[text[at - 1]]) && (at + 1 == size || !kinds[text[at + 1]]);
}

/* Whether in a text of ASCII three letters or digits stand by themselves, no more than three signs apart. */
static int has_apart(const uint8_t *text, size_t size) {
    static const uint8_t kinds[256] = {
        ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1,
        ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1,
        ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1,
        ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1,
        ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1,
        ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1,
        ['y'] = 1, ['z'] = 1,
    };
    size_t last = 0;
    int row = 0;
    for (size_t at = 0; at < size; at++) {
        if (!kinds[text[at]] || !is_alone(kinds, text, size, at)) continue;
        row = row && at - last <= 4 ? row + 1 : 1;
        last = at;
        if (row == 3) return 1;
    }
    return 0;
}

/* In each of some texts, the ways all of whose clauses have a piece and for which there are digits enough. Their numbers go
   into `counts`, -1 where there is no more room, and the ways one after the other into `found`, which has room for so many
   in all. `apart` is 1 for texts in which letters may stand by themselves. */
void finding_ways(const struct pieces *pieces, const struct ways *ways, uint32_t texts, const uint8_t *const *text,
                  const size_t *sizes, int32_t *counts, uint8_t *apart, uint32_t *found, uint32_t room) {
    struct lists lists = lists_of(ways);
    uint32_t used = 0;
    for (uint32_t number = 0; number < texts; number++) {
        const uint8_t *one = text[number];
        size_t size = sizes[number], digits = 0;
        uint8_t all = 0;
        for (size_t at = 0; at < size; at++) {
            all |= one[at];
            digits += (uint8_t)(one[at] - '0') < 10;
        }
        struct clauses clauses = {&lists, {0}};
        search(pieces, one, size, set_clauses, &clauses);
        if (all >= 0x80) {
            /* They may have digits of other scripts. */
            digits = size;
            for (uint32_t at = 0; at < ways->beyond_ascii; at++) set(&clauses, lists.beyond_ascii[at]);
        }
        apart[number] = all >= 0x80 || has_apart(one, size);
        uint32_t count = 0;
        int is_whole = 1;
        for (uint32_t word = 0; word * 64 < ways->clauses; word++) {
            if (!clauses.set[word]) continue;
            for (uint32_t clause = word * 64; clause < word * 64 + 64 && clause < ways->clauses; clause++) {
                if (!is_set(&clauses, clause)) continue;
                for (uint32_t way = lists.clause_starts[clause]; way < lists.clause_starts[clause + 1]; way++) {
                    uint32_t at = lists.way_starts[way];
                    if (lists.digits[way] > digits) continue;
                    while (at < lists.way_starts[way + 1] && is_set(&clauses, lists.way_clauses[at])) at++;
                    if (at < lists.way_starts[way + 1]) continue;
                    if (used + count == room) is_whole = 0;
                    else found[used + count++] = way;
                }
            }
        }
        counts[number] = is_whole ? (int32_t)count : -1;
        if (is_whole) used += count;
    }
}
