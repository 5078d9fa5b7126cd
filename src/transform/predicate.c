/* Kafka Connect's predicates: which records a transform is for. */
#include "config/regex.h"
#include "transform/transform.h"

#define CLASS(name) "org.apache.kafka.connect.transforms.predicates." name

static const void *make_topic(leat_transform_options *o)
{
    leat_regex_problem p;
    const char *pattern = leat_transform_option(o, "pattern", "");
    const leat_regex *x = leat_regex_new_cased(o->a, leat_str_of(pattern), &p);
    if (!*pattern)
        leat_transform_wrong(o, "pattern", "is required: a regular expression of topics' names");
    else if (!x)
        leat_transform_wrong(o, "pattern", p.msg);
    return x;
}

static leat_rc test_topic(const void *conf, const leat_record *r, bool *hit, leat_err *e)
{
    return leat_regex_match(conf, leat_str_of(r->topic), hit, e);
}

static const void *make_header(leat_transform_options *o)
{
    const char *name = leat_transform_option(o, "name", "");
    if (!*name) leat_transform_wrong(o, "name", "is required: the name of a header");
    return name;
}

static leat_rc test_header(const void *conf, const leat_record *r, bool *hit, leat_err *e)
{
    (void)e;
    *hit = false;
    for (uint32_t i = 0; i < r->nheaders; i++)
        if (strcmp(r->headers[i].name, conf) == 0) *hit = true;
    return LEAT_OK;
}

static const void *make_tombstone(leat_transform_options *o)
{
    (void)o;
    return "";
}

static leat_rc test_tombstone(const void *conf, const leat_record *r, bool *hit, leat_err *e)
{
    (void)conf;
    (void)e;
    *hit = r->value.kind == LEAT_NULL;
    return LEAT_OK;
}

const leat_predicate_type leat_predicate_topic = {CLASS("TopicNameMatches"), make_topic,
                                                  test_topic};
const leat_predicate_type leat_predicate_header = {CLASS("HasHeaderKey"), make_header, test_header};
const leat_predicate_type leat_predicate_tombstone = {CLASS("RecordIsTombstone"), make_tombstone,
                                                      test_tombstone};
