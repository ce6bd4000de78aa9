/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events into JSON trees. Law: the nodes made, copies behind anchors among them, stay under
 * YAML_MAXIMUM_NODES, and a text that JSON cannot say (tags, .nan, keys that are lists) is refused, not bent. */
#include "lib/base/yaml.h"

#include <string.h>
#include <yaml.h>

#include "lib/base/alloc.h"
#include "lib/base/hashmap.h"
#include "lib/base/yaml_scalar.h"

typedef struct Anchor {
        char *name;
        Json *copy;
        size_t nodes;
} Anchor;

typedef struct Reader {
        yaml_parser_t parser;
        yaml_event_t event; /* the current one */
        Hashmap anchors;    /* of Anchor, for the current document */
        size_t nodes;
        int depth;
} Reader;

static bool read_value(Reader *reader, Json **ret_json, Error *err);

static bool fail_at(const Reader *reader, Error *err, ErrorCode code, const char *why) {
        yaml_mark_t mark = reader->event.start_mark;

        return error_set(err, code, "line %zu, column %zu: %s", mark.line + 1, mark.column + 1, why);
}

static bool next_event(Reader *reader, Error *err) {
        const yaml_parser_t *parser = &reader->parser;
        bool placed;

        yaml_event_delete(&reader->event);
        if (yaml_parser_parse(&reader->parser, &reader->event))
                return true;
        /* Errors of the reader (bad UTF-8) come without a mark. */
        placed = parser->error != YAML_READER_ERROR;
        memset(&reader->event, 0, sizeof(reader->event));
        if (!placed)
                return error_set(err, ERROR_PROTOCOL, "byte %zu: %s", parser->problem_offset, parser->problem);
        return error_set(err, ERROR_PROTOCOL, "line %zu, column %zu: %s", parser->problem_mark.line + 1,
                parser->problem_mark.column + 1, parser->problem ? parser->problem : "no YAML");
}

static void forget_anchors(Reader *reader) {
        size_t at = 0;
        Anchor *anchor;

        while ((anchor = hashmap_next(&reader->anchors, &at))) {
                json_free(anchor->copy);
                free(anchor->name);
                free(anchor);
        }
        hashmap_done(&reader->anchors);
}

static void reader_done(Reader *reader) {
        forget_anchors(reader);
        yaml_event_delete(&reader->event);
        yaml_parser_delete(&reader->parser);
}

/* Counts `more` nodes against the cap. */
static bool count_nodes(Reader *reader, size_t more, Error *err) {
        reader->nodes += more;
        if (reader->nodes > YAML_MAXIMUM_NODES)
                return fail_at(reader, err, ERROR_TOO_LARGE, "the YAML has too many values");
        return true;
}

/* The JSON of the current scalar event. */
static bool read_scalar(Reader *reader, Json **ret_json, Error *err) {
        const char *text = (const char *)reader->event.data.scalar.value;
        bool plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

        if (strlen(text) != reader->event.data.scalar.length)
                return fail_at(reader, err, ERROR_PROTOCOL, "a string holds a NUL byte");
        if (!plain)
                *ret_json = json_new_string(text);
        else if (!yaml_scalar(text, ret_json))
                return fail_at(reader, err, ERROR_PROTOCOL,
                        "a number that JSON does not hold or that YAML versions read in two ways; quote it");
        return true;
}

static bool read_sequence(Reader *reader, Json *array, Error *err) {
        for (;;) {
                Json *value = NULL;

                if (!next_event(reader, err))
                        return false;
                if (reader->event.type == YAML_SEQUENCE_END_EVENT)
                        return true;
                if (!read_value(reader, &value, err))
                        return false;
                json_add(array, value);
        }
}

/* The name of a member, from the current event. */
static bool read_key(Reader *reader, const Hashmap *keys, char **ret_key, Error *err) {
        const char *key = (const char *)reader->event.data.scalar.value;

        if (reader->event.type != YAML_SCALAR_EVENT)
                return fail_at(reader, err, ERROR_PROTOCOL, "a key must be a plain word or a string");
        if (reader->event.data.scalar.tag)
                return fail_at(reader, err, ERROR_PROTOCOL, "tags are not taken");
        if (reader->event.data.scalar.anchor)
                return fail_at(reader, err, ERROR_PROTOCOL, "anchors on keys are not taken");
        if (strlen(key) != reader->event.data.scalar.length)
                return fail_at(reader, err, ERROR_PROTOCOL, "a key holds a NUL byte");
        if (reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(key, "<<") == 0)
                return fail_at(reader, err, ERROR_PROTOCOL, "merge keys (<<) are not taken");
        if (hashmap_get(keys, key))
                return fail_at(reader, err, ERROR_PROTOCOL, "a key stands twice in one map");
        *ret_key = alloc_string(key);
        return true;
}

static bool read_mapping(Reader *reader, Json *object, Error *err) {
        CLEANUP(hashmap_done) Hashmap keys = { 0 };

        for (;;) {
                CLEANUP(cleanup_free) char *key = NULL;
                Json *value = NULL;

                if (!next_event(reader, err))
                        return false;
                if (reader->event.type == YAML_MAPPING_END_EVENT)
                        return true;
                if (!read_key(reader, &keys, &key, err) || !next_event(reader, err) || !read_value(reader, &value, err))
                        return false;
                json_put_new(object, key, value);
                (void)hashmap_put(&keys, json_key(value), value);
        }
}

static bool read_alias(Reader *reader, Json **ret_json, Error *err) {
        const Anchor *anchor = hashmap_get(&reader->anchors, (const char *)reader->event.data.alias.anchor);

        if (!anchor)
                return fail_at(reader, err, ERROR_PROTOCOL, "an alias names no anchor that stands before it");
        if (!count_nodes(reader, anchor->nodes, err))
                return false;
        *ret_json = json_copy(anchor->copy);
        return true;
}

/* Keeps a copy of `json` under the anchor's name; a name used again means the later one. */
static bool keep_anchor(Reader *reader, const char *name, const Json *json, size_t nodes, Error *err) {
        Anchor *anchor;

        if (!count_nodes(reader, nodes, err))
                return false;
        anchor = hashmap_remove(&reader->anchors, name);
        if (!anchor)
                anchor = alloc_zero(sizeof(*anchor));
        json_free(anchor->copy);
        free(anchor->name);
        *anchor = (Anchor){ .name = alloc_string(name), .copy = json_copy(json), .nodes = nodes };
        (void)hashmap_put(&reader->anchors, anchor->name, anchor);
        return true;
}

static bool read_content(Reader *reader, Json **ret_json, Error *err) {
        bool read;
        Json *json;

        switch (reader->event.type) {
        case YAML_SCALAR_EVENT:
                return read_scalar(reader, ret_json, err);
        case YAML_SEQUENCE_START_EVENT:
                json = json_new_array();
                read = read_sequence(reader, json, err);
                break;
        case YAML_MAPPING_START_EVENT:
                json = json_new_object();
                read = read_mapping(reader, json, err);
                break;
        default:
                return fail_at(reader, err, ERROR_PROTOCOL, "a value must stand here");
        }
        if (!read)
                json_free(json);
        else
                *ret_json = json;
        return read;
}

/* The tag and the anchor of the current event, NULL where it has none. */
static void properties(const Reader *reader, const char **ret_tag, const char **ret_anchor) {
        const yaml_event_t *event = &reader->event;
        const yaml_char_t *tag = NULL, *anchor = NULL;

        if (event->type == YAML_SCALAR_EVENT) {
                tag = event->data.scalar.tag;
                anchor = event->data.scalar.anchor;
        } else if (event->type == YAML_SEQUENCE_START_EVENT) {
                tag = event->data.sequence_start.tag;
                anchor = event->data.sequence_start.anchor;
        } else if (event->type == YAML_MAPPING_START_EVENT) {
                tag = event->data.mapping_start.tag;
                anchor = event->data.mapping_start.anchor;
        }
        *ret_tag = (const char *)tag;
        *ret_anchor = (const char *)anchor;
}

/* The value that the current event begins, copied aside when it has an anchor. */
static bool read_value(Reader *reader, Json **ret_json, Error *err) {
        CLEANUP(cleanup_free) char *anchor_name = NULL;
        size_t nodes_before = reader->nodes;
        const char *tag, *anchor;
        bool read;

        if (reader->event.type == YAML_ALIAS_EVENT)
                return read_alias(reader, ret_json, err);
        properties(reader, &tag, &anchor);
        if (tag)
                return fail_at(reader, err, ERROR_PROTOCOL, "tags are not taken");
        if (reader->depth == JSON_MAXIMUM_DEPTH)
                return fail_at(reader, err, ERROR_PROTOCOL, "the YAML is nested too deep");
        if (!count_nodes(reader, 1, err))
                return false;
        anchor_name = alloc_string(anchor);
        reader->depth++;
        read = read_content(reader, ret_json, err);
        reader->depth--;
        if (read && anchor_name && !keep_anchor(reader, anchor_name, *ret_json, reader->nodes - nodes_before, err)) {
                json_free(TAKE(*ret_json));
                return false;
        }
        return read;
}

/* The next document, or NULL behind the last one. */
static bool read_document(Reader *reader, Json **ret_json, Error *err) {
        Json *json = NULL;

        if (!next_event(reader, err))
                return false;
        if (reader->event.type == YAML_STREAM_END_EVENT) {
                *ret_json = NULL;
                return true;
        }
        forget_anchors(reader);
        if (!next_event(reader, err) || !read_value(reader, &json, err))
                return false;
        if (!next_event(reader, err)) {
                json_free(json);
                return false;
        }
        *ret_json = json;
        return true;
}

static bool start(Reader *reader, const char *text, size_t size, Error *err) {
        if (!yaml_parser_initialize(&reader->parser))
                return error_set(err, ERROR_UNAVAILABLE, "no memory for the YAML parser");
        if (size > YAML_MAXIMUM_BYTES)
                return error_set(
                        err, ERROR_TOO_LARGE, "the YAML has %zu bytes, at most %d are taken", size, YAML_MAXIMUM_BYTES);
        yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, size);
        yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
        return next_event(reader, err);
}

bool yaml_parse(const char *text, size_t size, Json **ret_json, Error *err) {
        CLEANUP(reader_done) Reader reader = { 0 };
        Json *json = NULL;

        if (!start(&reader, text, size, err) || !read_document(&reader, &json, err))
                return false;
        if (!json)
                return error_set(err, ERROR_PROTOCOL, "the YAML holds no document");
        *ret_json = json;
        return true;
}

bool yaml_parse_all(const char *text, size_t size, Json **ret_array, Error *err) {
        CLEANUP(reader_done) Reader reader = { 0 };
        CLEANUP(json_cleanup) Json *array = json_new_array();

        if (!start(&reader, text, size, err))
                return false;
        for (;;) {
                Json *json = NULL;

                if (!read_document(&reader, &json, err))
                        return false;
                if (!json)
                        break;
                json_add(array, json);
        }
        *ret_array = TAKE(array);
        return true;
}
