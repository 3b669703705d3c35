/* particle.h - the Korean particle that fits the word before it.
 *
 * 은/는, 이/가, 을/를, 으로/로 and 과/와 depend on whether the word ends in a consonant, as read aloud:
 * Hangul composed or decomposed, digits as Korean numbers (3 삼, 10 십), capitals by their letters
 * (GPU 지피유, DL 디엘), Latin words by a rule of thumb for their Korean reading (train 트레인,
 * node 노드).  Quotes and brackets behind the word are looked through.  The rule of thumb is sometimes
 * wrong for Latin words; sentences that can avoid a particle after one should.
 *
 * A translation may hold a marker behind an inserted word: "작업 {을} ..." is not one, "%s{을}" is.
 * ko_particles() resolves the markers {은} {이} {을} {으로} {과} after the text was filled in.  Pure.
 */
#ifndef EOUL_I18N_PARTICLE_H
#define EOUL_I18N_PARTICLE_H

#include "base/buf.h"
#include "base/str.h"

/* X(constant, after a consonant, after a vowel) */
#define PARTICLE_LIST(X) \
    X(PARTICLE_EUN, "은", "는") \
    X(PARTICLE_I, "이", "가") \
    X(PARTICLE_EUL, "을", "를") \
    X(PARTICLE_EURO, "으로", "로") /* ㄹ counts as a vowel here: 서울로 */ \
    X(PARTICLE_GWA, "과", "와")
enum particle {
#define X(constant, consonant, vowel) constant,
    PARTICLE_LIST(X)
#undef X
    PARTICLE_COUNT
};

const char *ko_particle(struct str word, enum particle particle); /* static */

/* Append text with its markers resolved, each by what stands before it.  Anything else in braces
 * stays as it is. */
void ko_particles(struct buf *out, struct str text);

#endif
