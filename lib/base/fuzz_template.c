/* SPDX-License-Identifier: Apache-2.0 */
/* Rendering leaves a template as it was, and owns or frees the trees it is given, whatever the manifest. */
#include <assert.h>
#include <string.h>

#include "lib/base/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static Json *render(const Template *template, Arena *arena) {
        Json *tree = json_new_object();
        Json *json = NULL;

        json_put_string(tree, "k", "${n}");
        if (!template_render(template, arena,
                    (const Hole[]){ hole_string("s", "x"), hole_int("n", 1), hole_bool("b", true), hole_tree("t", tree),
                            hole_absent("a"), HOLE_END },
                    &json, NULL))
                return NULL;
        return json;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Template *template = NULL;
        const char *text = arena_bytes(&arena, bytes, size);
        char *filled = NULL;
        Text manifest = { 0 };

        (void)template_text("fuzz", text, &arena, (const Hole[]){ hole_string("s", "x"), HOLE_END }, &filled, NULL);
        /* Every hole stands once before the input, so that rendering goes through. */
        text_printf(&manifest, "x: [ \"${s}${n}\", \"${b}\", \"${t}\", \"${a}\" ]\n%s", text);
        if (template_new("fuzz", text_string(&manifest), &template, NULL)) {
                const Json *once = render(template, &arena);
                const Json *twice = render(template, &arena);

                assert(json_equal(once, twice));
                template_free(template);
        }
        text_done(&manifest);
        return 0;
}
