/* SPDX-License-Identifier: Apache-2.0 */
/* The lag word and its hysteresis.
 * Law: the words are ordered; better news counts at once, worse news when it is heard twice. */
#include "lib/remote/lag.h"

static LagWord heard(LagWord now, bool streaming, int64_t behind_bytes) {
        if (!streaming)
                return LAG_BROKEN;
        return behind_bytes >= (now == LAG_LAGGING ? LAG_LEAVE_BYTES : LAG_ENTER_BYTES) ? LAG_LAGGING : LAG_STREAMING;
}

void lag_look(Lag *lag, bool streaming, int64_t behind_bytes) {
        LagWord word = heard(lag->word, streaming, behind_bytes);

        if (lag->word == LAG_NONE || word <= lag->word) {
                *lag = (Lag){ .word = word };
                return;
        }
        if (lag->looks++ == 0 || word < lag->worse)
                lag->worse = word;
        if (lag->looks >= LAG_LOOKS)
                *lag = (Lag){ .word = lag->worse };
}

const char *lag_name(LagWord word) {
        static const char *const names[] = { "", "Streaming", "Lagging", "Broken" };

        return names[word];
}
