/* The linear model's scores of a text: what consumers/moderation/scorer.py and ngrams.py work out, to the last bit.

   A text comes as bytes: tokens between ASCII white space. A token of ASCII alone is read here. Any other comes with
   its words, read by Python: the token, 0xFF, and the words with 0xFE between them, none of which bytes UTF-8 has.

   Nothing is allocated and nothing is kept: a model lies in memory that the caller owns, and is only read once it is
   prepared. The text is hostile: every read and every write is within what the caller said, and the time is linear. */

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "doubles are not worked out as doubles here, so that sums could differ from Python's"
#endif

#ifndef SOURCE
#define SOURCE "" /* the SHA-256 of all sources, as infra/native.py gives it */
#endif

#define HEADS 16
#define LANES 8          /* heads that are added up together */
#define HALF 15          /* tokens of half a window */
#define ONE_WINDOW (3 * HALF)
#define LONGEST_WORD 40  /* characters */
#define UNIT 256.0
#define MOST 4194304.0   /* the largest sum of a token, in 1/256 */
#define RANGES 16
#define UNSPACED 1
#define SYLLABIC 2

const char *native_source(void) { return SOURCE; }

struct range {
    uint32_t first, last, kinds;
};

struct model {
    uint32_t heads, lanes, slots, gram_mask;
    double unknown, run, steady;
    double of_words[HEADS], of_grams[HEADS]; /* what 1 in a table is worth, in 1/256 */
    struct range ranges[RANGES];
    uint32_t ranges_used;
    uint32_t crc[4][256];
    uint8_t is_sign[128], letter[128];
    /* Then the known words, `slots` times: key, whether it is used, a byte for each lane; then the n-grams' bytes. */
};

struct token {
    const uint8_t *start;
    size_t size;
    uint32_t hash;
    int32_t count;
    int32_t sums[HEADS];
};

static uint32_t lanes_for(uint32_t heads) { return (heads + LANES - 1) / LANES * LANES; }

static uint32_t slots_for(uint32_t words) {
    uint32_t slots = 256;
    while (slots < 2 * words) slots *= 2;
    return slots;
}

static size_t slot_size(uint32_t lanes) { return 8 + lanes; }

static uint8_t *slots_of(const struct model *model) { return (uint8_t *)(model + 1); }

static int8_t *grams_of(const struct model *model) {
    return (int8_t *)(slots_of(model) + slot_size(model->lanes) * model->slots);
}

static uint32_t crc_byte(const struct model *model, uint32_t crc, uint8_t byte) {
    return model->crc[0][(crc ^ byte) & 0xFF] ^ (crc >> 8);
}

static uint32_t crc_four(const struct model *model, uint32_t crc, uint32_t four) {
    crc ^= four;
    return model->crc[3][crc & 0xFF] ^ model->crc[2][crc >> 8 & 0xFF] ^ model->crc[1][crc >> 16 & 0xFF] ^
           model->crc[0][crc >> 24];
}

static uint32_t crc_of(const struct model *model, const uint8_t *bytes, size_t size) {
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t at = 0; at < size; at++) crc = crc_byte(model, crc, bytes[at]);
    return ~crc;
}

/* The slot of a word; where it is unknown, the empty one it would have. */
static uint8_t *slot_of(const struct model *model, uint32_t key) {
    uint8_t *slots = slots_of(model);
    size_t size = slot_size(model->lanes);
    for (uint32_t at = key & (model->slots - 1);; at = (at + 1) & (model->slots - 1)) {
        uint8_t *slot = slots + size * at;
        uint32_t found;
        memcpy(&found, slot, 4);
        if (!slot[4] || found == key) return slot;
    }
}

/* Bytes of memory that a model takes; 0 for what no model can have. heads: 1 to HEADS; words: those it knows; bits:
   there are 2 ** bits n-grams. */
size_t scoring_size(uint32_t heads, uint32_t words, uint32_t bits) {
    if (heads < 1 || heads > HEADS || words > 1u << 20 || bits > 20) return 0;
    uint32_t lanes = lanes_for(heads);
    return sizeof(struct model) + slot_size(lanes) * slots_for(words) + ((size_t)lanes << bits);
}

/* Makes a model of scoring_size() bytes, all zero; 0, or -1 for what no model can have.

   numbers: what an unknown word's n-grams count, what those of a run do, `steady`, then for each head what 1 in its
   table of words is worth and what 1 in that of n-grams is. letter: what each ASCII character is read as in a word.
   ranges: first, last and kinds of each. tables: for each head a byte for each of the words, whose keys rise, and one
   for each n-gram. */
int32_t scoring_make(struct model *model, uint32_t heads, uint32_t words, uint32_t bits, const double *numbers,
                     const uint8_t *signs, size_t signs_size, const uint8_t *letter, const uint32_t *ranges,
                     uint32_t ranges_used, const uint32_t *keys, const int8_t *tables) {
    if (!scoring_size(heads, words, bits) || ranges_used > RANGES) return -1;
    model->heads = heads;
    model->lanes = lanes_for(heads);
    model->slots = slots_for(words);
    model->gram_mask = (1u << bits) - 1;
    model->unknown = numbers[0];
    model->run = numbers[1];
    model->steady = numbers[2];
    for (uint32_t head = 0; head < heads; head++) {
        model->of_words[head] = numbers[3 + 2 * head] * UNIT;
        model->of_grams[head] = numbers[4 + 2 * head] * UNIT;
    }
    for (size_t at = 0; at < signs_size; at++) model->is_sign[signs[at] & 0x7F] = 1;
    for (int at = 0; at < 128; at++) model->letter[at] = letter[at] & 0x7F;
    memcpy(model->ranges, ranges, ranges_used * sizeof(struct range));
    model->ranges_used = ranges_used;
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
        model->crc[0][byte] = crc;
    }
    for (int part = 1; part < 4; part++)
        for (int byte = 0; byte < 256; byte++)
            model->crc[part][byte] = crc_byte(model, model->crc[part - 1][byte], 0);
    size_t of_a_head = (size_t)words + model->gram_mask + 1;
    for (uint32_t at = 0; at < words; at++) {
        uint8_t *slot = slot_of(model, keys[at]);
        if (slot[4]) continue;
        memcpy(slot, &keys[at], 4);
        slot[4] = 1;
        for (uint32_t head = 0; head < heads; head++) slot[8 + head] = (uint8_t)tables[of_a_head * head + at];
    }
    int8_t *rows = grams_of(model);
    for (uint32_t head = 0; head < heads; head++) {
        const int8_t *grams = tables + of_a_head * head + words;
        for (size_t at = 0; at <= model->gram_mask; at++) rows[model->lanes * at + head] = grams[at];
    }
    return 0;
}

static int is_letter(uint8_t byte) { return (uint8_t)((byte | 0x20) - 'a') < 26; }
static int is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }
static int is_space(uint8_t byte) { return byte == ' ' || (byte >= 9 && byte <= 13) || (byte >= 0x1C && byte <= 0x1F); }

/* The sums of a word while they are added up: of the token's words, as they come. */
struct adding {
    int32_t count;
    double sums[HEADS];
};

static void add_row(int32_t *sums, const int8_t *row, uint32_t lanes) {
    for (uint32_t first = 0; first < lanes; first += LANES)
        for (uint32_t lane = first; lane < first + LANES; lane++) sums[lane] += row[lane];
}

/* Adds the n-grams of a word: `text` holds its characters with a mark at each end, or without where it is a run. */
static void add_grams(const struct model *model, struct adding *adding, const uint32_t *text, int size, int is_ascii,
                      int shortest, int is_run) {
    int32_t sums[HEADS] = {0};
    const int8_t *rows = grams_of(model);
    int found = 0;
    for (int start = 0; start + shortest <= size; start++) {
        uint32_t crc = 0xFFFFFFFFu;
        for (int length = 1; length <= shortest + 2 && start + length <= size; length++) {
            uint32_t one = text[start + length - 1];
            crc = is_ascii ? crc_byte(model, crc, (uint8_t)one) : crc_four(model, crc, one);
            if (length >= shortest) {
                add_row(sums, rows + (size_t)model->lanes * (~crc & model->gram_mask), model->lanes);
                found++;
            }
        }
    }
    double share = is_run ? model->run : model->unknown / sqrt(found ? found : 1);
    for (uint32_t head = 0; head < model->heads; head++)
        adding->sums[head] = adding->sums[head] + (double)sums[head] * model->of_grams[head] * share;
}

/* Reads one character of UTF-8 and moves on; 0xFFFFFFFF where it is none. */
static uint32_t character(const uint8_t **at, const uint8_t *end) {
    uint8_t first = *(*at)++;
    int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || end - *at < more) return 0xFFFFFFFFu;
    uint32_t code = more == 0 ? first : first & (0x3Fu >> more);
    while (more--) {
        uint8_t next = *(*at)++;
        if ((next & 0xC0) != 0x80) return 0xFFFFFFFFu;
        code = code << 6 | (next & 0x3F);
    }
    return code;
}

/* Adds a word as it is read: at most LONGEST_WORD characters of UTF-8. 0 where it is more, or no UTF-8. */
static int add_word(const struct model *model, struct adding *adding, const uint8_t *word, size_t size) {
    uint32_t text[LONGEST_WORD + 2];
    int length = 0, is_ascii = 1;
    uint32_t kinds = 0;
    text[0] = '<';
    for (const uint8_t *at = word, *end = word + size; at < end;) {
        uint32_t one = character(&at, end);
        if (one == 0xFFFFFFFFu || length == LONGEST_WORD) return 0;
        text[++length] = one;
        if (one < 0x80) continue;
        is_ascii = 0;
        for (uint32_t range = 0; range < model->ranges_used; range++)
            if (model->ranges[range].first <= one && one <= model->ranges[range].last)
                kinds |= model->ranges[range].kinds;
    }
    if (kinds & UNSPACED) {
        int counts = (int)rint(length / 1.5);
        adding->count += counts > 1 ? counts : 1;
    } else {
        adding->count++;
    }
    const uint8_t *slot = slot_of(model, crc_of(model, word, size));
    if (slot[4]) {
        for (uint32_t head = 0; head < model->heads; head++)
            adding->sums[head] = adding->sums[head] + (double)(int8_t)slot[8 + head] * model->of_words[head];
        return 1;
    }
    int shortest = kinds & SYLLABIC ? 1 : 3;
    if (kinds & UNSPACED) {
        add_grams(model, adding, text + 1, length, is_ascii, shortest, 1);
    } else {
        text[length + 1] = '>';
        add_grams(model, adding, text, length + 2, is_ascii, shortest, 0);
    }
    return 1;
}

/* Adds the word that a part of a token is meant to be read as: ASCII letters, digits, and signs that separate nothing. */
static int add_part(const struct model *model, struct adding *adding, const uint8_t *part, size_t size) {
    size_t letters = 0, digits = 0;
    for (size_t at = 0; at < size; at++) {
        letters += (size_t)is_letter(part[at]);
        digits += (size_t)is_digit(part[at]);
    }
    int is_number = letters != size && (digits >= letters || (is_digit(part[0]) && (size < 2 || is_digit(part[1]))));
    if (size == 1 || (is_number && digits == size)) return 1;
    uint8_t word[LONGEST_WORD];
    size_t length = 0;
    if (is_number) {
        /* Of a number only its shape counts. */
        for (; length < size && length < LONGEST_WORD; length++)
            word[length] = is_digit(part[length]) ? '0' : part[length];
        return add_word(model, adding, word, length);
    }
    /* A letter that is written three times and more somewhere counts once each time. */
    uint8_t heaped[128] = {0};
    if (letters > 3) {
        size_t run = 0;
        for (size_t at = 0; at < size; at++) {
            uint8_t one = model->letter[part[at]];
            run = at && one == model->letter[part[at - 1]] ? run + 1 : 1;
            if (run == 3 && is_letter(one)) heaped[one] = 1;
        }
    }
    for (size_t at = 0; at < size && length < LONGEST_WORD; at++) {
        uint8_t one = model->letter[part[at]];
        if (!length || one != word[length - 1] || !heaped[one]) word[length++] = one;
    }
    /* Heaped letters may leave one letter, which is no word. */
    return length == 1 ? 1 : add_word(model, adding, word, length);
}

static int starts_with(const uint8_t *token, size_t size, const char *what, size_t length) {
    return size >= length && memcmp(token, what, length) == 0;
}

static int add_token(const struct model *model, struct adding *adding, const uint8_t *token, size_t size) {
    const uint8_t *end = token + size, *read = memchr(token, 0xFF, size);
    if (read != NULL) {
        for (const uint8_t *word = read + 1; word < end;) {
            const uint8_t *after = memchr(word, 0xFE, (size_t)(end - word));
            if (after == NULL) after = end;
            if (after > word && !add_word(model, adding, word, (size_t)(after - word))) return 0;
            word = after + 1;
        }
        return 1;
    }
    int is_plain = 1;
    for (size_t at = 0; at < size; at++) {
        if (token[at] >= 0x80) return 0;
        is_plain &= is_letter(token[at]);
    }
    if (is_plain) return add_part(model, adding, token, size);
    if (token[0] == '@' || starts_with(token, size, "www.", 4)) return 1;
    for (size_t at = 0; at + 3 <= size; at++)
        if (memcmp(token + at, "://", 3) == 0) return 1;
    for (const uint8_t *at = token; at < end;) {
        if (model->is_sign[*at]) {
            at++;
            continue;
        }
        const uint8_t *part = at;
        while (at < end && !model->is_sign[*at]) at++;
        if (!add_part(model, adding, part, (size_t)(at - part))) return 0;
    }
    return 1;
}

/* The next token from *at on; 0 where there is none. */
static int next_token(const uint8_t **at, const uint8_t *end, struct token *token) {
    const uint8_t *here = *at;
    while (here < end && is_space(*here)) here++;
    if (here == end) return 0;
    token->start = here;
    uint32_t hash = 0x811C9DC5u;
    while (here < end && !is_space(*here)) hash = (hash ^ *here++) * 0x01000193u;
    token->size = (size_t)(here - token->start);
    token->hash = hash;
    *at = here;
    return 1;
}

static const struct token *same(const struct token *tokens, int count, const struct token *token) {
    for (int at = 0; at < count; at++)
        if (tokens[at].hash == token->hash && tokens[at].size == token->size &&
            memcmp(tokens[at].start, token->start, token->size) == 0)
            return &tokens[at];
    return NULL;
}

static int weigh(const struct model *model, struct token *token) {
    struct adding adding = {0};
    if (!add_token(model, &adding, token->start, token->size)) return 0;
    token->count = adding.count;
    for (uint32_t head = 0; head < model->heads; head++) {
        double sum = adding.sums[head];
        token->sums[head] = (int32_t)rint(sum > MOST ? MOST : sum < -MOST ? -MOST : sum);
    }
    return 1;
}

/* The next tokens, each different one once, at most `most` of the text's; -1 where one cannot be read. */
static int next_tokens(const struct model *model, const uint8_t **at, const uint8_t *end, int most,
                       struct token *tokens) {
    int count = 0;
    for (int seen = 0; seen < most && next_token(at, end, &tokens[count]); seen++) {
        if (same(tokens, count, &tokens[count]) != NULL) continue;
        if (!weigh(model, &tokens[count])) return -1;
        count++;
    }
    return count;
}

struct window {
    int32_t count;
    int32_t sums[HEADS];
};

static void add_tokens(struct window *window, uint32_t heads, const struct token *tokens, int count,
                       const struct token *but, int but_count) {
    for (int at = 0; at < count; at++) {
        if (same(but, but_count, &tokens[at]) != NULL) continue;
        window->count += tokens[at].count;
        for (uint32_t head = 0; head < heads; head++) window->sums[head] += tokens[at].sums[head];
    }
}

static void compare(const struct model *model, const struct window *window, double *strongest) {
    if (window->count == 0) return;
    double norm = 1 / (UNIT * sqrt(window->count + model->steady));
    for (uint32_t head = 0; head < model->heads; head++) {
        double raw = window->sums[head] * norm;
        if (raw > strongest[head]) strongest[head] = raw;
    }
}

/* Which heads, a bit each, reach `least` in some window, and in `strongest`, HEADS of them, the most of any window;
   minus infinity where there are no words. -1: the text is not as it has to be. */
int32_t scoring_score(const struct model *model, const uint8_t *text, size_t size, const double *least,
                    double *strongest) {
    struct token kept[2][HALF], all[ONE_WINDOW];
    const uint8_t *at = text, *end = text + size;
    double found[HEADS];
    for (int head = 0; head < HEADS; head++) found[head] = -INFINITY;
    struct token token;
    int tokens = 0;
    while (tokens <= ONE_WINDOW && next_token(&at, end, &token)) tokens++;
    at = text;
    if (tokens <= ONE_WINDOW) {
        int count = next_tokens(model, &at, end, ONE_WINDOW, all);
        if (count < 0) return -1;
        struct window window = {0};
        add_tokens(&window, model->heads, all, count, NULL, 0);
        compare(model, &window, found);
    } else {
        /* A window is two halves, and a token that both have counts once. */
        int which = 0, before = next_tokens(model, &at, end, HALF, kept[0]);
        while (before > 0) {
            int count = next_tokens(model, &at, end, HALF, kept[!which]);
            if (count <= 0) {
                before = count;
                break;
            }
            struct window window = {0};
            add_tokens(&window, model->heads, kept[which], before, NULL, 0);
            add_tokens(&window, model->heads, kept[!which], count, kept[which], before);
            compare(model, &window, found);
            which = !which;
            before = count;
        }
        if (before < 0) return -1;
    }
    int32_t reached = 0;
    for (uint32_t head = 0; head < model->heads; head++) {
        if (least != NULL && found[head] >= least[head]) reached |= 1 << head;
        if (strongest != NULL) strongest[head] = found[head];
    }
    return reached;
}

/* The numbers of those of some texts in which a head reaches `least`, or which are not as they have to be, into `found`; how
   many they are. */
uint32_t scoring_reaching(const struct model *model, uint32_t texts, const uint8_t *const *text, const size_t *sizes,
                          const double *least, uint32_t *found) {
    uint32_t count = 0;
    for (uint32_t number = 0; number < texts; number++)
        if (scoring_score(model, text[number], sizes[number], least, NULL) != 0) found[count++] = number;
    return count;
}
