// SPDX-License-Identifier: GPL-2.0
/* The table of commands and what is common to all of them. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"
#include "opts.h"

const struct sg_command sg_commands[] = {
	{"daemon", sg_cmd_daemon, SG_NEEDS_CONFIG, "Measure, store and serve the dashboard",
	 "[--config FILE] [--data-dir DIR] [--listen HOST:PORT] [--socket PATH]",
	 "Examples:\n"
	 "  sudo sgprobe daemon\n"
	 "  sudo sgprobe daemon --listen 127.0.0.1:8080 --data-dir /srv/sgprobe\n\n"
	 "Stays in the foreground until Ctrl-C or SIGTERM. Needs root: it loads programs into the\n"
	 "kernel; the part that faces the network runs without privileges."},
	{"status", sg_cmd_status, SG_NEEDS_CONFIG, "What the daemon does and whether it is well",
	 "[--json] [--check]",
	 "Examples:\n"
	 "  sgprobe status\n"
	 "  sgprobe status --check || echo sgprobe is not well"},
	{"probes", sg_cmd_probes, SG_NEEDS_CONFIG,
	 "What is measured; add and remove probes of your own",
	 "[--json] | add NAME WHAT [--by-arg N[:string]] [--no-latency] | remove NAME",
	 "Examples:\n"
	 "  sgprobe probes\n"
	 "  sgprobe probes --json | jq -r '.metrics[].name'\n"
	 "  sudo sgprobe probes add alloc uprobe:libc:malloc --no-latency\n"
	 "  sudo sgprobe probes add query uprobe:/usr/bin/app:run_query --by-arg 1:string\n"
	 "  sudo sgprobe probes remove query\n\n"
	 "WHAT is uprobe:PATH:FUNCTION, usdt:PATH:PROVIDER:NAME, tracepoint:CATEGORY:NAME or\n"
	 "kernel:FUNCTION; PATH may be the bare name of a library. What was added stays over a\n"
	 "restart."},
	{"top", sg_cmd_top, SG_NEEDS_CONFIG, "A live view of latencies in the terminal",
	 "[--once] [--all] [--by comm|cgroup] [--interval 1s]",
	 "Examples:\n"
	 "  sgprobe top\n"
	 "  sgprobe top --once\n\n"
	 "What got slower than in the minute before comes first; \"usual\" is how many times its p99\n"
	 "is what it was then.\n"
	 "Keys: q ends it, a shows all, c programs, g cgroups, p pauses."},
	{"heat", sg_cmd_heat, SG_NEEDS_CONFIG, "A heat map of one latency in the terminal",
	 "PROBE [--last 2m] [--once] [--json]",
	 "Examples:\n"
	 "  sgprobe heat sched_runqueue_latency\n"
	 "  sgprobe heat 'syscall_latency{syscall=\"fsync\"}' --last 10m --once\n\n"
	 "PROBE is a metric's name or a part of it that only one has; labels in braces may follow.\n"
	 "Without them it is the sum of all."},
	{"query", sg_cmd_query, SG_NEEDS_CONFIG, "Ask a question in PromQL",
	 "EXPR [--time T | --last 10m | --from T --to T] [--step 10s]\n"
	 "                     [--plot | --table | --csv | --json]",
	 "Examples:\n"
	 "  sgprobe query 'histogram_quantile(0.99, rate(sgprobe_sched_runqueue_latency_seconds[1m]))'\n"
	 "  sgprobe query 'topk(5, rate(sgprobe_syscall_calls_total[10s]))' --last 10m\n"
	 "  sgprobe query 'rate(sgprobe_block_latency_seconds[10s])' --last 10m      a heat map\n"
	 "  sgprobe query 'sgprobe_load' --from -1d --step 1m --csv > load.csv\n\n"
	 "A range is drawn on a terminal and a table elsewhere; histograms are heat maps.\n"
	 "A daemon that runs is asked, else the store is read. A caret shows a mistake.\n"
	 "A time is 'now', '-10m', Unix seconds or 2026-11-23T12:00:00Z.\n"
	 "Exit status: 0, 2 a mistake in EXPR, 3 no daemon and no store, 124 took too long."},
	{"metrics", sg_cmd_metrics, SG_NEEDS_CONFIG, "What is stored: metrics, series, rates",
	 "[FILTER] [--type TYPE] [--group GROUP] [--last 1m] [--csv | --json]",
	 "Examples:\n"
	 "  sgprobe metrics\n"
	 "  sgprobe metrics tcp --type histogram --help-text\n"
	 "  sgprobe metrics 'sgprobe_comm_*'\n"
	 "  sgprobe metrics --json | jq -r '.[] | select(.series > 100) | .name'\n\n"
	 "FILTER is a part of the name, or a pattern of the shell. What had no sample in\n"
	 "--last is not there; 'sgprobe probes' lists what can be measured.\n"
	 "Exit status: 0, 4 nothing is like FILTER."},
	{"sql", sg_cmd_sql, SG_NEEDS_CONFIG, "Ask the store in SQL, read-only",
	 "[STATEMENT | --file FILE] [--timeout 10s] [--csv | --json]",
	 "Examples:\n"
	 "  sgprobe sql \"SELECT datetime(t, 'unixepoch') AS at, value FROM samples\n"
	 "               WHERE name = 'sgprobe_load' AND t > unixepoch() - 300\"\n"
	 "  sgprobe sql \"SELECT labels ->> 'syscall' AS call, sum(count) AS n,\n"
	 "                      hist_quantile(0.99, buckets) AS p99\n"
	 "               FROM increases('sgprobe_syscall_latency_seconds')\n"
	 "               WHERE t > unixepoch('now', '-1 hour')\n"
	 "               GROUP BY 1 ORDER BY n DESC LIMIT 10\"\n"
	 "  sgprobe sql                         a prompt; .help lists the tables\n\n"
	 "Tables: samples, increases, series, events, exemplars, gaps, and those of the\n"
	 "file itself (docs/STORE.md). Conditions on name and t spare reading the rest;\n"
	 "samples('SELECTOR') takes a selector of PromQL. The newest seconds that a daemon\n"
	 "has not written yet are not there.\n"
	 "Exit status: 0, 2 a mistake, 4 no store, 5 not a SELECT, 124 took too long, 130\n"
	 "interrupted."},
	{"export", sg_cmd_export, SG_NEEDS_CONFIG, "Samples as CSV, OpenMetrics or JSON lines",
	 "[SELECTOR | EXPR --step 1m] [--format csv|openmetrics|jsonl]\n"
	 "                      [--last 1h | --from T --to T] [-o FILE]",
	 "Examples:\n"
	 "  sgprobe export 'sgprobe_load' --last 1d > load.csv\n"
	 "  sgprobe export 'sum(rate(sgprobe_syscall_calls_total[1m]))' --step 1m --from -7d\n"
	 "  sgprobe export '{__name__=~\"sgprobe_tcp_.*_total\"}' --format openmetrics -o x.om\n"
	 "  promtool tsdb create-blocks-from openmetrics x.om\n\n"
	 "Reads the store, beside a daemon too (its newest seconds may not be written yet),\n"
	 "in parts of at most 128 MiB. Samples are cumulative, as in PromQL. OpenMetrics has\n"
	 "histograms in classic buckets, which takes much room.\n"
	 "Exit status: 0, 1 cannot write, 2 a mistake, 4 no store, 130 interrupted."},
	{"db", sg_cmd_db, SG_NEEDS_CONFIG,
	 "The store's files: check, backup, restore, compact, stats",
	 "check | backup DIR | restore DIR | compact | stats [--limit N] [--json]",
	 "Examples:\n"
	 "  sgprobe db check                     every page, checksum and row\n"
	 "  sgprobe db backup /backup/monday     a copy as of now, while the daemon runs\n"
	 "  sgprobe db restore /backup/monday    puts it back; not while the daemon runs\n"
	 "  sgprobe db compact                   gives free pages back; likewise\n"
	 "  sgprobe db stats                     bytes and rows by table, bytes by metric\n\n"
	 "Restore keeps what was there in a folder of its own, and refuses a backup that is\n"
	 "damaged or of a newer sgprobe. Exit status: 0, 1 failed (the daemon runs, no room,\n"
	 "...), 4 no store, 6 a newer schema, 7 problems were found, 130 interrupted."},
	{"config", sg_cmd_config, SG_NEEDS_ORIGIN, "Check, show, compare and reload the settings",
	 "check [FILE] | show [KEY...] [--changed] | diff [FILE] | reload [--json]",
	 "Examples:\n"
	 "  sgprobe config check new.yaml        every mistake, with its line\n"
	 "  sgprobe config show store            value, default, and where it was set\n"
	 "  sgprobe config show --changed\n"
	 "  sgprobe config diff                  what a reload would change in the daemon\n"
	 "  sudo sgprobe config reload           as SIGHUP: all of the file, or nothing of it\n\n"
	 "docs/CONFIG.md lists the settings and what a change of each takes. Exit status: 0,\n"
	 "3 no daemon (reload), 4 no such setting or file, 5 not root (reload), 7 mistakes\n"
	 "or, of diff, differences."},
	{"profile", sg_cmd_profile, SG_NEEDS_CONFIG, "Where time went, by stack; a flame graph",
	 "[--last 10m | --since T --until T] [--off-cpu | --all] [--cgroup NAME] [--comm NAME]\n"
	 "                [--kernel | --user] [--svg FILE | --json]",
	 "Examples:\n"
	 "  sgprobe profile --last 5m --svg cpu.svg\n"
	 "  sgprobe profile --off-cpu --comm postgres --svg waits.svg\n"
	 "  sgprobe profile --cgroup 'nginx*' | sort -k2 -n\n\n"
	 "Without --svg, each line is one stack with its microseconds, as flamegraph.pl reads them:\n"
	 "cgroup;command;outermost;...;innermost microseconds. Frames of the kernel end in _[k]."},
	{"events", sg_cmd_events, SG_NEEDS_CONFIG,
	 "What happened: OOM kills, stalls, crashes, mounts",
	 "[--last 1h | --since T --until T] [--kind KIND] [--limit N] [--follow] [--json]",
	 "Examples:\n"
	 "  sgprobe events --last 1d --kind oom_kill\n"
	 "  sgprobe events --follow\n"
	 "  sgprobe events --last 1h --json | jq -r 'select(.severity == \"critical\") | .text'\n\n"
	 "Oldest first. With --json each line is one event."},
	{"worst", sg_cmd_worst, SG_NEEDS_CONFIG, "Who the slowest events were, with their stacks",
	 "[PROBE] [--last 5m | --since T --until T] [--limit N] [--json]",
	 "Examples:\n"
	 "  sgprobe worst\n"
	 "  sgprobe worst sched_runqueue_latency --last 1h\n"
	 "  sgprobe worst 'syscall_latency{syscall=\"fsync\"}' --json | jq -r '.frames[-1]'\n\n"
	 "The slowest event of each second is kept for each latency. Without PROBE it is the slowest\n"
	 "one of each latency of the host. Stacks are innermost first; frames of the kernel end in _[k]."},
	{"diff", sg_cmd_diff, SG_NEEDS_CONFIG, "What changed between two windows of time",
	 "[--last 15m] [--ago 1h | --mark deploy | --base-from T --base-to T] [--limit N] [--json]",
	 "Examples:\n"
	 "  sgprobe diff                                the last 15 minutes against those before\n"
	 "  sgprobe diff --last 10m --ago 1d            against the same time yesterday\n"
	 "  sgprobe diff --mark deploy --last 30m       before and after the newest deploy\n\n"
	 "Every latency, counter and reading of the host is tested; what is left after allowing for\n"
	 "the number of tests is listed, the largest change first."},
	{"explain", sg_cmd_explain, SG_NEEDS_CONFIG, "Who explains how a latency changed",
	 "METRIC [--by time|mean|quantile|above] [--last 15m] [--ago 1h | --mark deploy] [--json]",
	 "Examples:\n"
	 "  sgprobe explain sched_runqueue_latency\n"
	 "  sgprobe explain block_latency --by quantile --q 0.999 --ago 1d\n"
	 "  sgprobe explain syscall_latency --by above --threshold 10ms\n\n"
	 "METRIC is a metric's name or a part of it that only one has. For each dimension (cgroup,\n"
	 "comm, and the metric's own labels) the shares add up to the whole difference."},
	{"forecast", sg_cmd_forecast, SG_NEEDS_CONFIG,
	 "Where a series is heading; what runs out when",
	 "[EXPR [--cross X]] [--last 6h] [--horizon 2h] [--step 30s] [--json]",
	 "Examples:\n"
	 "  sgprobe forecast                            everything that can run out\n"
	 "  sgprobe forecast sgprobe_memory_available_bytes --cross 256MiB\n"
	 "  sgprobe forecast 'sum(rate(sgprobe_disk_written_bytes_total[1m]))' --last 2d\n\n"
	 "EXPR is PromQL; $step in it stands for the step. With each forecast comes how wrong the\n"
	 "same method was on the series' own past."},
	{"annotate", sg_cmd_annotate, SG_NEEDS_CONFIG,
	 "Note that something happened, such as a deploy", "TEXT [--kind deploy] [--at T]",
	 "Examples:\n"
	 "  sgprobe annotate 'shop 2.4.1' --kind deploy\n"
	 "  sgprobe annotate 'fail-over test' --at -5m\n\n"
	 "It is kept as an event: 'sgprobe events --kind deploy' lists them, 'sgprobe diff --mark\n"
	 "deploy' compares before and after the newest."},
	{"report", sg_cmd_report, SG_NEEDS_CONFIG, "What happened in a range of time",
	 "[--last 10m | --from T --to T] [--json]",
	 "Examples:\n  sgprobe report --last 10m\n  sgprobe report --from -2h --to -1h --json"},
	{"rules", sg_cmd_rules, SG_NEEDS_CONFIG, "Check, test and try alerting and recording rules",
	 "check FILE... | test FILE... | backtest FILE [--last 7d] [--interval 15s] [--json]",
	 "Examples:\n"
	 "  sgprobe rules check /etc/sgprobe/rules.d/*.yaml\n"
	 "  sgprobe rules test rules_test.yaml\n"
	 "  sgprobe rules backtest slow.yaml --last 1d\n\n"
	 "Files are Prometheus rule files, tests are in promtool's format. 'backtest' says how often\n"
	 "each alert would have fired in the past that is stored. Exit status 1 when something is wrong."},
	{"alerts", sg_cmd_alerts, SG_NEEDS_CONFIG, "Check who would be told of an alert",
	 "check FILE | routes FILE LABEL=VALUE...",
	 "Examples:\n"
	 "  sgprobe alerts check /etc/sgprobe/alerts.yaml\n"
	 "  sgprobe alerts routes alerts.yaml alertname=DiskErrors severity=critical\n\n"
	 "FILE has routes, receivers, inhibition rules and time intervals as Alertmanager has them, and\n"
	 "escalation policies. 'routes' prints who hears of an alert with these labels."},
	{"record", sg_cmd_record, SG_NEEDS_CONFIG, "Write raw frames to a file",
	 "-o FILE [--seconds N | --last 10m]",
	 "Examples:\n"
	 "  sgprobe record -o slow.sgf --seconds 60     the next minute\n"
	 "  sgprobe record -o slow.sgf --last 10m       what is stored already\n\n"
	 "FILE - is stdout. 'sgprobe replay' reads it."},
	{"replay", sg_cmd_replay, SG_NEEDS_CONFIG, "Check, print, store or serve a recording",
	 "FILE [--print] [--data-dir DIR] [--serve] [--json]",
	 "Examples:\n"
	 "  sgprobe replay slow.sgf                     checks it and says what is in it\n"
	 "  sgprobe replay slow.sgf --data-dir /tmp/s   fills a store with it\n"
	 "  sgprobe replay slow.sgf --serve             shows it in the dashboard\n\n"
	 "FILE - is stdin. No root needed."},
	{"detect", sg_cmd_detect, SG_NEEDS_NOTHING, "How unusual each value of a CSV is",
	 "FILE [--counter] [--parts]",
	 "Examples:\n"
	 "  sgprobe detect cpu.csv > scored.csv\n"
	 "  sgprobe detect cpu.csv | awk -F, '$3 > 0.9995'\n"
	 "  ssh db1 cat requests.csv | sgprobe detect --counter -\n\n"
	 "FILE has lines of timestamp,value; - is stdin. Each comes out with its anomaly_score of 0 to\n"
	 "1, from this line and earlier ones alone, as the daemon would score it: 0.99 is one in a\n"
	 "hundred of what the series has shown, 0.999 one in a thousand."},
	{"doctor", sg_cmd_doctor, SG_NEEDS_CONFIG, "What this machine lets sgprobe do, and cures",
	 "[--json]",
	 "Examples:\n  sudo sgprobe doctor\n\nThe table of hooks is what a running daemon has; without one each is tried, as root. "
	 "Exit status 7 when something fails."},
	{"version", sg_cmd_version, SG_NEEDS_NOTHING, "Print the version", "[--json]", NULL},
	{"help", sg_cmd_help, SG_NEEDS_NOTHING, "This list, or a command's own page",
	 "[COMMAND | config | metrics]", NULL},
	{0},
};

const struct sg_command *sg_command_find(const char *name)
{
	for (const struct sg_command *c = sg_commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const char *sg_command_suggest(const char *name)
{
	const char *best = NULL;
	unsigned int least = 3;

	for (const struct sg_command *c = sg_commands; c->name; c++) {
		unsigned int d = sg_distance(name, c->name);
		bool begins = strlen(name) >= 2 && strncmp(c->name, name, strlen(name)) == 0;

		if (begins)
			d = 0;
		if (d < least) {
			least = d;
			best = c->name;
		}
	}
	return best;
}

void sg_command_list(FILE *out)
{
	fprintf(out,
		"sgprobe %s: what got slower, since when, and who did it\n\n"
		"Usage: sgprobe COMMAND [OPTIONS]\n\nCommands:\n",
		SG_VERSION);
	for (const struct sg_command *c = sg_commands; c->name; c++)
		fprintf(out, "  %-10s %s\n", c->name, c->summary);
	fprintf(out,
		"\n'sgprobe help COMMAND' shows its options and examples, 'sgprobe help config' the settings.\n");
}

int sg_cli_fail(const struct sg_cli *cli, int code, const char *fmt, ...)
{
	sg_auto_buf raw = {.max = 4096}, safe = {0};
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sg_term_str(&safe, text); /* arguments and names are whatever somebody typed */
	fprintf(stderr, "sgprobe%s%s: %s\n", cli && cli->command ? " " : "",
		cli && cli->command ? cli->command->name : "", safe.data ? safe.data : "");
	return code;
}

int sg_cli_code(int r)
{
	switch (-r) {
	case 0: return SG_EXIT_OK;
	case EINVAL: return SG_EXIT_USAGE;
	case ECONNREFUSED:
	case ENOTCONN: return SG_EXIT_UNREACHABLE;
	case ENOENT:
	case ENODATA: return SG_EXIT_NOT_FOUND;
	case EPERM:
	case EACCES: return SG_EXIT_PERMISSION;
	case EOPNOTSUPP:
	case EPROTONOSUPPORT: return SG_EXIT_UNSUPPORTED;
	case ETIMEDOUT: return 124;
	case EINTR: return SG_EXIT_INTERRUPTED;
	}
	return SG_EXIT_FAILED;
}

bool sg_cli_color(const struct sg_cli *cli, FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !cli->no_color && !(no && *no) && term && strcmp(term, "dumb") != 0 &&
	       isatty(fileno(out));
}

unsigned int sg_cli_width(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20)
		return w.ws_col;
	return 80;
}

int sg_cli_put(const struct sg_buf *b)
{
	if (b->err)
		return SG_EXIT_FAILED;
	if (b->len && fwrite(b->data, 1, b->len, stdout) != b->len && errno != EPIPE)
		return SG_EXIT_FAILED;
	return fflush(stdout) < 0 && errno != EPIPE ? SG_EXIT_FAILED : SG_EXIT_OK;
}

/* --config FILE may stand anywhere; the other options are read later, over the file's values. */
static const char *config_path(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if ((strcmp(argv[i], "--config") == 0 || strcmp(argv[i], "-c") == 0) &&
		    i + 1 < argc)
			return argv[i + 1];
		if (strncmp(argv[i], "--config=", 9) == 0)
			return argv[i] + 9;
	}
	return NULL;
}

static int read_config(struct sg_cli *cli, int argc, char **argv)
{
	const char *path = config_path(argc, argv);
	struct sg_error err = {0};
	int r;

	if (path && strlen(path) >= sizeof(cli->origin.path)) {
		sg_cli_fail(cli, 0, "--config: the path is too long");
		return -ENAMETOOLONG;
	}
	snprintf(cli->origin.path, sizeof(cli->origin.path), "%s", path ? path : SG_CLI_CONFIG);
	cli->origin.required = path != NULL;
	sg_config_defaults(&cli->cfg);
	if (cli->command->needs == SG_NEEDS_ORIGIN)
		return 0;
	r = sg_config_load(&cli->cfg, cli->origin.path, &err);
	if (r == 0 || (!path && (r == -ENOENT || r == -EACCES)))
		return 0;
	if (r == -ENOENT)
		sg_cli_fail(cli, 0, "there is no file %s", path);
	else
		sg_cli_fail(cli, 0, "%s", err.msg[0] ? err.msg : strerror(-r));
	return r;
}

static int run(struct sg_cli *cli, int argc, char **argv)
{
	int code;

	if (cli->command->needs != SG_NEEDS_NOTHING && read_config(cli, argc, argv) < 0)
		return SG_EXIT_USAGE;
	code = cli->command->run(cli, argc, argv);
	fflush(stdout);
	return code;
}

int sg_cli_main(int argc, char **argv)
{
	struct sg_cli cli = {.argc = argc, .argv = argv};
	const char *name = argc > 1 ? argv[1] : NULL;

	signal(SIGPIPE, SIG_IGN);
	if (!name) {
		sg_command_list(stderr);
		return SG_EXIT_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	cli.command = sg_command_find(name);
	if (!cli.command) {
		const char *near = sg_command_suggest(name);

		if (near)
			sg_cli_fail(NULL, 0, "there is no command %s; did you mean %s?", name,
				    near);
		else
			sg_cli_fail(NULL, 0, "there is no command %s; 'sgprobe help' lists them",
				    name);
		return SG_EXIT_USAGE;
	}
	return run(&cli, argc - 1, argv + 1);
}
