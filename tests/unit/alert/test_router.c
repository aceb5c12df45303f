// SPDX-License-Identifier: GPL-2.0
// Who is told what and when, on simulated time: each test is a few alerts, a clock, and the
// notices that come of them, one a line: "SECONDS RECEIVER REASON +FIRING -RESOLVED".
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sgprobe/alert_router.h>

#define T0 1767607200LL /* Mon 2026-01-05 10:00 UTC */

struct fixture {
	struct sg_alert_config *c;
	struct sg_router *r;
	struct sg_buf said, audit;
	int64_t now; /* seconds since T0 */
};

static int64_t ms(int64_t s)
{
	return (T0 + s) * 1000;
}

static void on_notice(void *ctx, const struct sg_notice *n)
{
	struct fixture *f = ctx;

	sg_buf_printf(&f->said, "%lld %s %s", (long long)f->now, n->receiver,
		      sg_notice_reason_name(n->reason));
	for (size_t i = 0; i < n->n_alerts; i++) {
		const char *k = sg_series_label(n->alerts[i].labels, "n");

		assert_int_equal(n->alerts[i].firing, i < n->n_firing);
		sg_buf_printf(&f->said, " %c%s%s", n->alerts[i].firing ? '+' : '-',
			      sg_series_label(n->alerts[i].labels, "alertname"), k);
	}
	sg_buf_str(&f->said, "\n");
}

static void on_audit(void *ctx, int64_t t_ms, const char *who, const char *what,
		     const char *subject, const char *detail)
{
	struct fixture *f = ctx;

	if (strcmp(what, "notified") != 0)
		sg_buf_printf(&f->audit, "%lld %s %s %s\n", (long long)f->now, who, what, detail);
}

static void start(struct fixture *f)
{
	const struct sg_router_hooks hooks = {on_notice, on_audit, f};

	assert_int_equal(sg_router_new(f->c, &hooks, &f->r), 0);
}

static void begin(struct fixture *f, const char *yaml)
{
	struct sg_rule_problems *ps = calloc(1, sizeof(*ps));
	int r = sg_alert_config_parse("test", yaml, strlen(yaml), &f->c, ps);

	if (r < 0)
		fail_msg("line %u: %s", ps->list[0].line, ps->list[0].text);
	free(ps);
	start(f);
}

/* "A severity=page n=1" */
static void put(struct fixture *f, const char *text, int64_t ends_ms, bool external, bool flaps)
{
	struct sg_label l[8], note = {"summary", "s"};
	struct sg_router_alert a = {.starts_ms = ms(f->now),
				    .ends_ms = ends_ms,
				    .external = external,
				    .flapping = flaps,
				    .annotations = &note,
				    .n_annotations = 1};
	char copy[256], *save = NULL;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	l[n++] = (struct sg_label){"alertname", strtok_r(copy, " ", &save)};
	for (char *p; (p = strtok_r(NULL, " ", &save)); n++) {
		l[n].name = p;
		p = strchr(p, '=');
		*p = '\0';
		l[n].value = p + 1;
	}
	assert_int_equal(sg_series_init(&a.labels, SG_GAUGE, "x", l, n), 0);
	a.labels.name = "";
	a.labels.hash = sg_series_hash("", l, n);
	assert_int_equal(sg_router_put(f->r, &a, ms(f->now)), 0);
}

static void fire(struct fixture *f, const char *text)
{
	put(f, text, 0, false, false);
}

static void end(struct fixture *f, const char *text)
{
	put(f, text, ms(f->now), false, false);
}

static void until(struct fixture *f, int64_t s)
{
	for (; f->now < s; f->now++)
		assert_int_equal(sg_router_tick(f->r, ms(f->now)), 0);
	assert_int_equal(sg_router_tick(f->r, ms(f->now)), 0);
}

#define said(f, text)                                                                              \
	do {                                                                                       \
		assert_string_equal((f)->said.data ? (f)->said.data : "", text);                   \
		sg_buf_reset(&(f)->said);                                                          \
		if ((f)->said.data)                                                                \
			(f)->said.data[0] = '\0';                                                  \
	} while (0)

static void finish(struct fixture *f)
{
	sg_router_free(f->r);
	sg_alert_config_free(f->c);
	sg_buf_free(&f->said);
	sg_buf_free(&f->audit);
}

static void silence(struct fixture *f, const char *matchers, int64_t from, int64_t to, char id[37])
{
	struct sg_silence s = {.matchers = matchers,
			       .starts_ms = ms(from),
			       .ends_ms = ms(to),
			       .created_by = "ann",
			       .comment = "maintenance"};
	struct sg_error err = {""};

	if (sg_router_silence(f->r, &s, ms(f->now), &err) < 0)
		fail_msg("%s", err.msg);
	memcpy(id, s.id, sizeof(s.id));
}

/* Saves, throws the router away, and goes on with what was saved. */
static void restart(struct fixture *f)
{
	sg_auto_buf json = {0};
	struct sg_error err = {""};

	sg_router_save(f->r, &json);
	assert_int_equal(json.err, 0);
	sg_router_free(f->r);
	start(f);
	if (sg_router_restore(f->r, json.data, json.len, &err) < 0)
		fail_msg("%s", err.msg);
}

#define SIMPLE                                                                                     \
	"route: {receiver: chat, group_by: [alertname], group_wait: 1s, group_interval: 30s, "     \
	"repeat_interval: 2m}\n"                                                                   \
	"receivers: [{name: chat}, {name: pager}, {name: mail}, {name: boss}]\n"

/* ---- grouping and its timers ------------------------------------------------------- */

static void a_group_waits_then_is_told_once(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A n=1");
	fire(&f, "A n=2");
	fire(&f, "B");
	until(&f, 60);
	said(&f, "1 chat new +A1 +A2\n1 chat new +B\n");
	finish(&f);
}

static void what_joins_waits_for_group_interval(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A n=1");
	until(&f, 5);
	fire(&f, "A n=2");
	until(&f, 60);
	said(&f, "1 chat new +A1\n31 chat firing +A1 +A2\n");
	finish(&f);
}

static void a_more_severe_one_is_told_at_once(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A n=1 severity=warning");
	until(&f, 5);
	fire(&f, "A n=2 severity=critical");
	until(&f, 10);
	said(&f, "1 chat new +A1\n5 chat firing +A1 +A2\n");
	finish(&f);
}

static void two_severities_are_one_alert(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A severity=warning");
	until(&f, 5);
	fire(&f, "A severity=critical");
	end(&f, "A severity=warning"); /* what the rule says of the old label set */
	until(&f, 20);
	said(&f, "1 chat new +A\n5 chat severity +A\n");
	fire(&f, "A severity=warning");
	end(&f, "A severity=critical");
	until(&f, 40);
	said(&f, "35 chat severity +A\n");
	end(&f, "A severity=warning");
	until(&f, 50);
	said(&f, "40 chat resolved -A\n");
	finish(&f);
}

static void the_end_of_all_is_told_at_once(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A n=1");
	fire(&f, "A n=2");
	until(&f, 5);
	end(&f, "A n=1");
	until(&f, 10);
	said(&f, "1 chat new +A1 +A2\n");
	end(&f, "A n=2");
	until(&f, 100);
	said(&f, "10 chat resolved -A1 -A2\n");
	finish(&f);
}

static void the_end_of_some_is_told_at_group_interval(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A n=1");
	fire(&f, "A n=2");
	until(&f, 5);
	end(&f, "A n=1");
	until(&f, 70);
	said(&f, "1 chat new +A1 +A2\n31 chat resolved +A2 -A1\n");
	finish(&f);
}

static void what_ends_within_group_wait_is_never_told(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A");
	end(&f, "A");
	until(&f, 100);
	said(&f, "");
	assert_true(sg_router_next_ms(f.r) == INT64_MAX);
	finish(&f);
}

static void it_repeats_at_a_multiple_of_group_interval(void **state)
{
	struct fixture f = {0};

	begin(&f,
	      "route: {receiver: chat, group_wait: 1s, group_interval: 30s, repeat_interval: 100s}\n"
	      "receivers: [{name: chat}]\n");
	fire(&f, "A");
	until(&f, 260);
	said(&f, "1 chat new +A\n121 chat repeat +A\n241 chat repeat +A\n");
	finish(&f);
}

static void nothing_new_is_not_told_again(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A");
	until(&f, 5);
	for (int i = 0; i < 10; i++) {
		fire(&f, "A");
		until(&f, f.now + 10);
	}
	said(&f, "1 chat new +A\n");
	finish(&f);
}

static void a_receiver_may_not_want_ends(void **state)
{
	struct fixture f = {0};

	begin(&f, "route: {receiver: chat, group_wait: 1s, group_interval: 30s}\n"
		  "receivers: [{name: chat, webhook_configs: [{url: x, send_resolved: false}]}]\n");
	fire(&f, "A");
	until(&f, 5);
	end(&f, "A");
	until(&f, 10);
	fire(&f, "A");
	until(&f, 50);
	said(&f, "1 chat new +A\n11 chat new +A\n");
	finish(&f);
}

static void three_dots_are_no_grouping(void **state)
{
	struct fixture f = {0};

	begin(&f, "route: {receiver: chat, group_by: ['...'], group_wait: 1s}\n"
		  "receivers: [{name: chat}]\n");
	fire(&f, "A n=1");
	fire(&f, "A n=2");
	until(&f, 5);
	said(&f, "1 chat new +A1\n1 chat new +A2\n");
	finish(&f);
}

/* ---- routes ------------------------------------------------------------------------ */

static void the_first_match_wins_unless_it_continues(void **state)
{
	struct fixture f = {0};

	begin(&f,
	      "route:\n"
	      "  receiver: chat\n"
	      "  group_by: [alertname]\n"
	      "  group_wait: 1s\n"
	      "  routes:\n"
	      "  - {matchers: ['severity=~\"critical|page\"'], receiver: pager, continue: true}\n"
	      "  - {matchers: ['team=\"db\"', 'n!=\"3\"'], receiver: mail, group_wait: 2s}\n"
	      "  - {matchers: ['team!~\"d.*\"', team!=\"\"], receiver: boss, group_wait: 3s}\n"
	      "receivers: [{name: chat}, {name: pager}, {name: mail}, {name: boss}]\n");
	fire(&f, "A");
	fire(&f, "B severity=page team=db");
	fire(&f, "C n=3 team=db");
	fire(&f, "D severity=page team=x");
	until(&f, 10);
	assert_non_null(strstr(f.said.data, "chat new +A\n"));
	assert_non_null(strstr(f.said.data, "pager new +B\n"));
	assert_non_null(strstr(f.said.data, "2 mail new +B\n"));
	assert_non_null(strstr(f.said.data, "1 chat new +C3\n"));
	assert_non_null(strstr(f.said.data, "pager new +D\n"));
	assert_non_null(strstr(f.said.data, "3 boss new +D\n"));
	assert_null(strstr(f.said.data, "chat new +B"));
	finish(&f);
}

/* ---- what keeps silent ------------------------------------------------------------- */

static void a_silence_keeps_silent_until_it_ends(void **state)
{
	struct fixture f = {0};
	char id[37];

	begin(&f, SIMPLE);
	silence(&f, "{n=~\"1|2\"}", 0, 50, id);
	fire(&f, "A n=1");
	fire(&f, "A n=3");
	until(&f, 100);
	said(&f, "1 chat new +A3\n61 chat firing +A1 +A3\n");
	finish(&f);
}

static void a_silence_can_be_taken_back_and_begin_later(void **state)
{
	struct fixture f = {0};
	char id[37];

	begin(&f, SIMPLE);
	silence(&f, "alertname=\"A\"", 10, 5000, id);
	fire(&f, "A n=1");
	until(&f, 20);
	said(&f, "1 chat new +A1\n");
	fire(&f, "A n=2");
	until(&f, 40);
	said(&f, "");
	assert_int_equal(sg_router_unsilence(f.r, id, "ann", ms(f.now)), 0);
	assert_int_equal(sg_router_unsilence(f.r, id, "ann", ms(f.now)), -EALREADY);
	until(&f, 70);
	said(&f, "61 chat firing +A1 +A2\n");
	finish(&f);
}

static void what_was_told_to_fire_is_told_to_end_though_silenced(void **state)
{
	struct fixture f = {0};
	char id[37];

	begin(&f, SIMPLE);
	fire(&f, "A");
	until(&f, 5);
	silence(&f, "alertname=A", 5, 1000, id);
	end(&f, "A");
	until(&f, 10);
	said(&f, "1 chat new +A\n5 chat resolved -A\n");
	finish(&f);
}

static void a_silence_of_everything_is_refused(void **state)
{
	struct sg_silence s = {
		.matchers = "{a=~\".*\"}", .ends_ms = ms(100), .created_by = "ann", .comment = ""};
	struct sg_error err = {""};
	struct fixture f = {0};

	begin(&f, SIMPLE);
	assert_int_equal(sg_router_silence(f.r, &s, ms(0), &err), -EINVAL);
	assert_non_null(strstr(err.msg, "everything"));
	finish(&f);
}

#define INHIBIT                                                                                    \
	SIMPLE "inhibit_rules:\n- {source_matchers: [severity=critical], target_matchers: "        \
	       "['severity=~\"warning|critical\"'], equal: [host, rack]}\n"

static void a_source_inhibits_targets_of_equal_labels(void **state)
{
	struct fixture f = {0};

	begin(&f, INHIBIT);
	fire(&f, "Down severity=critical host=a");
	fire(&f, "Slow severity=warning host=a"); /* rack is missing in both: equal */
	fire(&f, "Slow severity=warning host=b n=b");
	until(&f, 10);
	assert_non_null(strstr(f.said.data, "chat new +Slowb\n"));
	assert_non_null(strstr(f.said.data, "chat new +Down\n"));
	sg_buf_reset(&f.said);
	end(&f, "Down severity=critical host=a");
	until(&f, 40);
	said(&f, "10 chat resolved -Down\n31 chat firing +Slow +Slowb\n");
	finish(&f);
}

static void what_matches_both_sides_does_not_inhibit_itself(void **state)
{
	struct fixture f = {0};

	begin(&f, INHIBIT);
	fire(&f, "A severity=critical host=a n=1");
	fire(&f, "A severity=critical host=a n=2");
	until(&f, 10);
	said(&f, "1 chat new +A1 +A2\n");
	finish(&f);
}

/* T0 is a Monday, 10:00 in London, 11:00 in Berlin. */
static void a_muted_route_speaks_when_it_is_over(void **state)
{
	struct fixture f = {0};

	begin(&f, "route:\n"
		  "  receiver: chat\n"
		  "  group_wait: 1s\n"
		  "  routes: [{matchers: [alertname=~\".+\"], mute_time_intervals: [work]}]\n"
		  "receivers: [{name: chat}]\n"
		  "time_intervals:\n"
		  "- name: work\n"
		  "  time_intervals:\n"
		  "  - {weekdays: ['monday:friday'], times: [{start_time: '10:30', end_time: "
		  "'11:02'}], location: Europe/Berlin}\n");
	fire(&f, "A");
	until(&f, 200);
	said(&f, "121 chat new +A\n");
	finish(&f);
}

static void an_active_interval_is_the_other_way_round(void **state)
{
	struct fixture f = {0};

	begin(&f,
	      "route:\n"
	      "  receiver: chat\n"
	      "  group_wait: 1s\n"
	      "  routes: [{matchers: [alertname=~\".+\"], active_time_intervals: [work]}]\n"
	      "receivers: [{name: chat}]\n"
	      "time_intervals:\n"
	      "- {name: work, time_intervals: [{times: [{start_time: '10:02', end_time: '24:00'}]}]}\n");
	fire(&f, "A");
	until(&f, 200);
	said(&f, "121 chat new +A\n");
	finish(&f);
}

/* ---- acknowledging and resolving --------------------------------------------------- */

static const char *fingerprint(const char *name, char out[17])
{
	struct sg_label l = {"alertname", name};
	struct sg_series s = {.name = "", .n_labels = 1, .labels = &l};

	snprintf(out, 17, "%016llx", (unsigned long long)sg_alert_fingerprint(&s));
	return out;
}

static void an_acknowledged_incident_does_not_repeat(void **state)
{
	struct fixture f = {0};
	char id[17];

	begin(&f, SIMPLE);
	fire(&f, "A");
	until(&f, 10);
	assert_int_equal(sg_router_ack(f.r, fingerprint("A", id), "ann", "mine", ms(f.now)), 0);
	assert_int_equal(sg_router_ack(f.r, id, "bob", NULL, ms(f.now)), -EALREADY);
	assert_int_equal(sg_router_ack(f.r, "0123", "bob", NULL, ms(f.now)), -ENOENT);
	until(&f, 500);
	said(&f, "1 chat new +A\n10 chat acknowledged +A\n");
	end(&f, "A");
	until(&f, 510);
	said(&f, "500 chat resolved -A\n");
	assert_string_equal(f.audit.data, "10 ann acknowledged mine\n");
	finish(&f);
}

static void something_new_takes_the_acknowledgement_back(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A n=1 severity=warning");
	until(&f, 10);
	assert_int_equal(sg_router_ack(f.r, "{}:{alertname=\"A\"}", "ann", NULL, ms(f.now)), 0);
	until(&f, 20);
	fire(&f, "A n=2 severity=warning");
	until(&f, 200);
	said(&f, "1 chat new +A1\n10 chat acknowledged +A1\n31 chat firing +A1 +A2\n"
		 "151 chat repeat +A1 +A2\n");
	assert_int_equal(sg_router_ack(f.r, "{}:{alertname=\"A\"}", "ann", NULL, ms(f.now)), 0);
	fire(&f, "A n=2 severity=critical");
	until(&f, 210);
	said(&f, "200 chat acknowledged +A1 +A2\n200 chat severity +A1 +A2\n");
	finish(&f);
}

static void resolved_by_hand_it_opens_again_when_still_true(void **state)
{
	struct fixture f = {0};
	char id[17];

	begin(&f, SIMPLE "reopen_after: 2m\n");
	fire(&f, "A");
	until(&f, 10);
	assert_int_equal(
		sg_router_resolve(f.r, fingerprint("A", id), "ann", "done", false, ms(f.now)), 0);
	until(&f, 300);
	said(&f, "1 chat new +A\n10 chat closed -A\n130 chat reopened +A\n250 chat repeat +A\n");
	assert_string_equal(f.audit.data,
			    "10 ann resolved done\n130 sgprobe reopened it still fires\n");
	finish(&f);
}

static void resolved_until_clear_it_stays_so_until_false_once(void **state)
{
	struct fixture f = {0};
	char id[17];

	begin(&f, SIMPLE);
	fire(&f, "A");
	until(&f, 10);
	assert_int_equal(sg_router_resolve(f.r, fingerprint("A", id), "ann", NULL, true, ms(f.now)),
			 0);
	until(&f, 5000);
	said(&f, "1 chat new +A\n10 chat closed -A\n");
	end(&f, "A");
	until(&f, 5010);
	fire(&f, "A");
	until(&f, 5020);
	said(&f, "5011 chat new +A\n");
	finish(&f);
}

static void alerts_from_elsewhere_end_by_themselves(void **state)
{
	struct fixture f = {0};

	begin(&f, "global: {resolve_timeout: 1m}\n" SIMPLE);
	put(&f, "A", 0, true, false);
	put(&f, "B", ms(20), true, false);
	until(&f, 30);
	put(&f, "A", 0, true, false);
	until(&f, 120);
	said(&f, "1 chat new +A\n1 chat new +B\n20 chat resolved -B\n90 chat resolved -A\n");
	finish(&f);
}

static void flapping_is_told_once(void **state)
{
	struct fixture f = {0};

	begin(&f, SIMPLE);
	fire(&f, "A");
	until(&f, 5);
	for (int i = 0; i < 5; i++) {
		put(&f, "A", 0, false, true);
		until(&f, f.now + 5);
	}
	said(&f, "1 chat new +A\n5 chat flapping +A\n");
	finish(&f);
}

/* ---- escalation -------------------------------------------------------------------- */

#define ESCALATION                                                                                 \
	"route: {receiver: chat, group_by: [alertname], group_wait: 1s, group_interval: 30s, "     \
	"repeat_interval: 10h, escalation: p}\n"                                                   \
	"receivers: [{name: chat}, {name: pager}, {name: mail}, {name: boss}]\n"                   \
	"escalation_policies:\n"                                                                   \
	"- name: p\n"                                                                              \
	"  ack_timeout: 20m\n"                                                                     \
	"  loops: 1\n"                                                                             \
	"  final: boss\n"                                                                          \
	"  levels:\n"                                                                              \
	"  - {after: 0s, notify: [pager]}\n"                                                       \
	"  - {after: 5m, notify: [pager, mail]}\n"

static void it_escalates_loops_and_comes_to_an_end(void **state)
{
	struct fixture f = {0};

	begin(&f, ESCALATION);
	fire(&f, "A");
	until(&f, 5000);
	said(&f, "1 pager new +A\n"
		 "301 pager escalated +A\n301 mail escalated +A\n"
		 "601 pager escalated +A\n"
		 "901 pager escalated +A\n901 mail escalated +A\n"
		 "1201 boss escalated +A\n");
	end(&f, "A");
	until(&f, 5010);
	said(&f, "5000 pager resolved -A\n5000 mail resolved -A\n5000 boss resolved -A\n");
	finish(&f);
}

static void an_acknowledgement_stops_escalation_until_its_time_out(void **state)
{
	struct fixture f = {0};
	char id[17];

	begin(&f, ESCALATION);
	fire(&f, "A");
	until(&f, 100);
	assert_int_equal(sg_router_ack(f.r, fingerprint("A", id), "ann", NULL, ms(f.now)), 0);
	until(&f, 1700);
	said(&f, "1 pager new +A\n100 pager acknowledged +A\n"
		 "1300 pager ack_timeout +A\n"
		 "1600 pager escalated +A\n1600 mail escalated +A\n");
	finish(&f);
}

static void a_new_incident_starts_at_the_first_level(void **state)
{
	struct fixture f = {0};

	begin(&f, ESCALATION);
	fire(&f, "A");
	until(&f, 310);
	end(&f, "A");
	until(&f, 320);
	sg_buf_reset(&f.said);
	fire(&f, "A");
	until(&f, 400);
	said(&f, "321 pager new +A\n");
	finish(&f);
}

static void a_silence_pauses_escalation(void **state)
{
	struct fixture f = {0};
	char id[37];

	begin(&f, ESCALATION);
	fire(&f, "A");
	until(&f, 100);
	silence(&f, "alertname=A", 100, 1100, id);
	until(&f, 1310);
	said(&f, "1 pager new +A\n1300 pager escalated +A\n1300 mail escalated +A\n");
	finish(&f);
}

static void levels_repeat_and_may_not_care_for_acknowledgement(void **state)
{
	struct fixture f = {0};
	char id[17];

	begin(&f, "route: {receiver: chat, group_wait: 1s, escalation: p}\n"
		  "receivers: [{name: chat}, {name: pager}, {name: boss}]\n"
		  "escalation_policies:\n"
		  "- name: p\n"
		  "  levels:\n"
		  "  - {after: 0s, notify: [pager], repeat_every: 1m}\n"
		  "  - {after: 3m, notify: [boss], condition: not_resolved}\n");
	fire(&f, "A");
	until(&f, 130);
	said(&f, "1 pager new +A\n61 pager repeat +A\n121 pager repeat +A\n");
	assert_int_equal(sg_router_ack(f.r, fingerprint("A", id), "ann", NULL, ms(f.now)), 0);
	until(&f, 1000);
	said(&f, "130 pager acknowledged +A\n181 boss escalated +A\n");
	finish(&f);
}

/* ---- over restarts ----------------------------------------------------------------- */

static void everything_survives_a_restart(void **state)
{
	struct fixture f = {0};
	char id[37], who[17];

	begin(&f, ESCALATION);
	silence(&f, "{alertname=\"S\"}", 0, 10000, id);
	fire(&f, "A");
	fire(&f, "B");
	fire(&f, "S");
	until(&f, 200);
	assert_int_equal(sg_router_ack(f.r, fingerprint("B", who), "ann", "b", ms(f.now)), 0);
	said(&f, "1 pager new +A\n1 pager new +B\n200 pager acknowledged +B\n");
	for (int i = 0; i < 3; i++) {
		restart(&f);
		until(&f, f.now + 20);
	}
	said(&f, "");
	until(&f, 310);
	said(&f, "301 pager escalated +A\n301 mail escalated +A\n");
	restart(&f);
	end(&f, "A");
	until(&f, 320);
	said(&f, "310 pager resolved -A\n310 mail resolved -A\n");
	finish(&f);
}

static void a_group_whose_route_has_gone_is_routed_anew(void **state)
{
	struct fixture f = {0};
	struct sg_alert_config *old;

	begin(&f, "route: {receiver: chat, group_wait: 1s, routes: [{matchers: [alertname=A], "
		  "receiver: pager}]}\nreceivers: [{name: chat}, {name: pager}]\n");
	fire(&f, "A");
	until(&f, 10);
	old = f.c;
	{
		struct fixture other = {0};
		sg_auto_buf json = {0};

		sg_router_save(f.r, &json);
		begin(&other,
		      "route: {receiver: mail, group_wait: 1s}\nreceivers: [{name: mail}]\n");
		other.now = 10;
		assert_int_equal(sg_router_restore(other.r, json.data, json.len, NULL), 0);
		until(&other, 20);
		said(&other, "10 mail new +A\n");
		finish(&other);
	}
	assert_ptr_equal(f.c, old);
	finish(&f);
}

static void a_damaged_state_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "{",
					  "[]",
					  "{\"version\":9}",
					  "{\"version\":1,\"alerts\":[{}]}",
					  "{\"version\":1,\"groups\":[{\"route\":\"{}\"}]}"};
	struct fixture f = {0};
	struct sg_error err;

	begin(&f, SIMPLE);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(sg_router_restore(f.r, bad[i], strlen(bad[i]), &err), -EBADMSG);
	finish(&f);
}

/* ---- size, and words --------------------------------------------------------------- */

static void a_storm_is_few_notices(void **state)
{
	struct fixture f = {0};
	char text[64];
	size_t lines = 0;

	begin(&f,
	      "route: {receiver: chat, group_by: [rack], group_wait: 1s}\nreceivers: [{name: chat}]\n");
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "A rack=r%d n=%d", i % 50, i);
		fire(&f, text);
	}
	until(&f, 60);
	for (const char *s = f.said.data; (s = strchr(s, '\n')); s++)
		lines++;
	assert_int_equal(lines, 50);
	finish(&f);
}

static void it_explains_itself(void **state)
{
	struct fixture f = {0};
	sg_auto_buf b = {0};
	char id[37], who[17];

	begin(&f, ESCALATION);
	fire(&f, "A");
	until(&f, 10);
	silence(&f, "{alertname=\"A\"}", 10, 100, id);
	assert_int_equal(sg_router_explain(f.r, fingerprint("A", who), ms(f.now), &b), 0);
	assert_non_null(strstr(b.data, "silenced by "));
	assert_non_null(strstr(b.data, "ann: maintenance"));
	assert_non_null(strstr(b.data, "not inhibited: 0 rules were checked"));
	assert_non_null(strstr(b.data, "escalation policy p: level 1 of 2, loop 0 of 1"));
	assert_non_null(strstr(b.data, "next level at 2026-01-05T10:05:01Z (in 4m51s)"));
	assert_non_null(
		strstr(b.data, "pager was told last 2026-01-05T10:00:01Z, with this alert"));
	assert_int_equal(sg_router_explain(f.r, "00", ms(f.now), &b), -ENOENT);
	finish(&f);
}

/* What amtool shows for {alertname="A",instance="x"}. */
static void fingerprints_are_alertmanagers(void **state)
{
	struct sg_label l[] = {{"alertname", "A"}, {"instance", "x"}};
	struct sg_series s = {.name = "", .n_labels = 2, .labels = l};

	assert_true(sg_alert_fingerprint(&s) == 0xcb611762f01ec6fcULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_waits_then_is_told_once),
		cmocka_unit_test(what_joins_waits_for_group_interval),
		cmocka_unit_test(a_more_severe_one_is_told_at_once),
		cmocka_unit_test(two_severities_are_one_alert),
		cmocka_unit_test(the_end_of_all_is_told_at_once),
		cmocka_unit_test(the_end_of_some_is_told_at_group_interval),
		cmocka_unit_test(what_ends_within_group_wait_is_never_told),
		cmocka_unit_test(it_repeats_at_a_multiple_of_group_interval),
		cmocka_unit_test(nothing_new_is_not_told_again),
		cmocka_unit_test(a_receiver_may_not_want_ends),
		cmocka_unit_test(three_dots_are_no_grouping),
		cmocka_unit_test(the_first_match_wins_unless_it_continues),
		cmocka_unit_test(a_silence_keeps_silent_until_it_ends),
		cmocka_unit_test(a_silence_can_be_taken_back_and_begin_later),
		cmocka_unit_test(what_was_told_to_fire_is_told_to_end_though_silenced),
		cmocka_unit_test(a_silence_of_everything_is_refused),
		cmocka_unit_test(a_source_inhibits_targets_of_equal_labels),
		cmocka_unit_test(what_matches_both_sides_does_not_inhibit_itself),
		cmocka_unit_test(a_muted_route_speaks_when_it_is_over),
		cmocka_unit_test(an_active_interval_is_the_other_way_round),
		cmocka_unit_test(an_acknowledged_incident_does_not_repeat),
		cmocka_unit_test(something_new_takes_the_acknowledgement_back),
		cmocka_unit_test(resolved_by_hand_it_opens_again_when_still_true),
		cmocka_unit_test(resolved_until_clear_it_stays_so_until_false_once),
		cmocka_unit_test(alerts_from_elsewhere_end_by_themselves),
		cmocka_unit_test(flapping_is_told_once),
		cmocka_unit_test(it_escalates_loops_and_comes_to_an_end),
		cmocka_unit_test(an_acknowledgement_stops_escalation_until_its_time_out),
		cmocka_unit_test(a_new_incident_starts_at_the_first_level),
		cmocka_unit_test(a_silence_pauses_escalation),
		cmocka_unit_test(levels_repeat_and_may_not_care_for_acknowledgement),
		cmocka_unit_test(everything_survives_a_restart),
		cmocka_unit_test(a_group_whose_route_has_gone_is_routed_anew),
		cmocka_unit_test(a_damaged_state_is_refused),
		cmocka_unit_test(a_storm_is_few_notices),
		cmocka_unit_test(it_explains_itself),
		cmocka_unit_test(fingerprints_are_alertmanagers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
