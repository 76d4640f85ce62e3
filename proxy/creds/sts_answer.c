// SPDX-License-Identifier: Apache-2.0
// Expat reads; here only the path of open elements is kept, and the text of those that mean
// something. The first Credentials in the ...Result count; the same names elsewhere (a policy that
// is echoed, say) do not. S3's answers are STS's without the outermost element, so their paths are
// begun as if it stood there. Document types are refused: nothing that either says needs entities
// of its own. Expat's heap is wiped, since secrets pass through it.
#include "creds/sts_answer_int.h"

#include <expat.h>
#include <string.h>

#include "base/wiped.h"
#include "creds/creds.h"

#define DEPTH_MAX 8
#define NAME_MAX_ 64
#define FIELD_MAX ((size_t)16 * 1024)

struct reader {
    XML_Parser parser;
    struct sts_document *out;
    char path[DEPTH_MAX][NAME_MAX_];
    unsigned depth; // of the open element; what is deeper than DEPTH_MAX is only counted
    int field;      // being read; -1: none
    bool has_credentials;
    bool is_s3;
    const char *wrong;
};

static void stop(struct reader *r, const char *wrong)
{
    if (!r->wrong)
        r->wrong = wrong;
    (void)XML_StopParser(r->parser, XML_FALSE);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_at(const struct reader *r, unsigned level, const char *name)
{
    return strcmp(r->path[level], name) == 0;
}

// S3's documentation says CreateSessionOutput, its servers CreateSessionResult.
static bool is_in_result(const struct reader *r)
{
    return ends_with(r->path[1], "Result") || (r->is_s3 && ends_with(r->path[1], "Output"));
}

// The path's last element is open and has not been read before.
static int field_of_path(const struct reader *r)
{
    static const struct {
        const char *parent, *name;
        enum sts_field field;
    } in_result[] = {
        {"Credentials", "AccessKeyId", STS_ACCESS_KEY},
        {"Credentials", "SecretAccessKey", STS_SECRET_KEY},
        {"Credentials", "SessionToken", STS_SESSION_TOKEN},
        {"Credentials", "Expiration", STS_EXPIRATION},
        {"AssumedRoleUser", "Arn", STS_ARN},
    };
    static const struct {
        const char *name;
        enum sts_field field;
    } of_caller[] = {{"Arn", STS_ARN}, {"Account", STS_ACCOUNT}, {"UserId", STS_USER_ID}};
    if (r->depth == 3 && (r->is_s3 || is_at(r, 0, "ErrorResponse")) && is_at(r, 1, "Error")) {
        if (is_at(r, 2, "Code"))
            return STS_CODE;
        return is_at(r, 2, "Message") ? STS_MESSAGE : -1;
    }
    if (r->depth < 3 || !ends_with(r->path[0], "Response") || !is_in_result(r))
        return -1;
    if (r->depth == 3)
        for (size_t i = 0; i < sizeof(of_caller) / sizeof(of_caller[0]); i++)
            if (is_at(r, 2, of_caller[i].name))
                return (int)of_caller[i].field;
    if (r->depth != 4 || (r->has_credentials && is_at(r, 2, "Credentials")))
        return -1;
    for (size_t i = 0; i < sizeof(in_result) / sizeof(in_result[0]); i++)
        if (is_at(r, 2, in_result[i].parent) && is_at(r, 3, in_result[i].name))
            return (int)in_result[i].field;
    return -1;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = arg;
    const char *colon = strrchr(name, ':');
    const char *local = colon ? colon + 1 : name;
    (void)attributes;
    r->field = -1;
    if (r->depth < DEPTH_MAX) {
        size_t len = strlen(local);
        if (len >= NAME_MAX_)
            len = 0; // no name that we know
        memcpy(r->path[r->depth], local, len);
        r->path[r->depth][len] = '\0';
    }
    r->depth++;
    if (r->depth > DEPTH_MAX)
        return;
    int field = field_of_path(r);
    if (field >= 0 && !r->out->fields[field].len)
        r->field = field;
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    struct reader *r = arg;
    (void)name;
    if (r->depth == 3 && is_at(r, 2, "Credentials") && is_in_result(r))
        r->has_credentials = true;
    r->depth--;
    r->field = -1;
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
    struct reader *r = arg;
    if (r->field < 0)
        return;
    struct buf *b = &r->out->fields[r->field];
    if (b->len + (size_t)len > FIELD_MAX)
        stop(r, "a field over 16 KiB");
    else
        buf_add(b, text, (size_t)len);
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int has_subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_subset;
    stop(arg, "a document type");
}

static enum status read_xml(struct reader *r, struct span xml, struct err *e)
{
    static const XML_Memory_Handling_Suite heap = {wiped_malloc, wiped_realloc, wiped_free};
    r->field = -1;
    for (unsigned i = 0; i < STS_FIELDS; i++)
        buf_init_secret(&r->out->fields[i]);
    r->parser = XML_ParserCreate_MM(NULL, &heap, NULL);
    if (!r->parser)
        return err_set(e, ST_IO, "the XML parser could not be made");
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    enum XML_Status st = xml.len > INT32_MAX ? XML_STATUS_ERROR
                                             : XML_Parse(r->parser, xml.p, (int)xml.len, XML_TRUE);
    enum status answer = ST_OK;
    if (st != XML_STATUS_OK)
        answer = err_set(e, ST_INVALID, "the answer is not the XML that was expected: %s",
                         r->wrong ? r->wrong : XML_ErrorString(XML_GetErrorCode(r->parser)));
    XML_ParserFree(r->parser);
    return answer;
}

enum status sts_document_read(struct span xml, struct sts_document *out, struct err *e)
{
    struct reader r = {.out = out};
    out->who = "STS";
    return read_xml(&r, xml, e);
}

enum status s3_document_read(struct span xml, struct sts_document *out, struct err *e)
{
    struct reader r = {.out = out, .path = {"S3Response"}, .depth = 1, .is_s3 = true};
    out->who = "S3";
    return read_xml(&r, xml, e);
}

void sts_document_clear(struct sts_document *d)
{
    for (unsigned i = 0; i < STS_FIELDS; i++)
        buf_clear(&d->fields[i]);
}

const char *sts_document_get(struct sts_document *d, enum sts_field field)
{
    return buf_cstr(&d->fields[field]);
}

const char *creds_xml_version(void)
{
    return XML_ExpatVersion();
}
