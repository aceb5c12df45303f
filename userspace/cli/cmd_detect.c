// SPDX-License-Identifier: GPL-2.0
/* The detectors of the daemon over a CSV: timestamp,value in; timestamp,value,anomaly_score out. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include <sgprobe/detect.h>

#include "opts.h"

#define LINE_MAX 4096

struct detect {
	struct sg_detector *detector;
	bool counter, parts;
	uint64_t line, rows;
};

static void print_parts(const struct detect *d)
{
	const char *name;

	for (unsigned int i = 0; (name = sg_detector_part_name(SG_DETECT_VALUE, i)); i++)
		printf(",%.4g", sg_detector_part(d->detector, i));
}

static void print_header(const struct detect *d)
{
	const char *name;

	printf("timestamp,value,anomaly_score");
	for (unsigned int i = 0; d->parts && (name = sg_detector_part_name(SG_DETECT_VALUE, i));
	     i++)
		printf(",%s", name);
	putchar('\n');
}

/* The timestamp and the value as they were written; the score with what tells apart 1 - 1e-9. */
static void print_row(const struct detect *d, const char *line, size_t stamp, double score)
{
	const char *value = line + stamp + 1;

	printf("%.*s,%.*s,%.9g", (int)stamp, line, (int)strcspn(value, ","), value, score);
	if (d->parts)
		print_parts(d);
	putchar('\n');
}

static int take(struct detect *d, const char *line, struct sg_error *err)
{
	struct sg_error what = {0};
	int64_t t_ms;
	double v, score;
	size_t stamp;
	int r = sg_detect_csv_line(line, &t_ms, &v, &stamp, &what);

	if (r < 0 && d->line == 1 && !isdigit((unsigned char)*line))
		return 0; /* the header */
	if (r < 0)
		return sg_fail(err, -EBADMSG, "line %llu: %s", (unsigned long long)d->line,
			       what.msg);
	score = d->counter ? sg_detect_counter(d->detector, t_ms, v)
			   : sg_detect_value(d->detector, t_ms, v);
	print_row(d, line, stamp, score);
	d->rows++;
	return 0;
}

static int read_rows(struct detect *d, FILE *in, struct sg_error *err)
{
	char line[LINE_MAX];
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), in)) {
		size_t n = strlen(line);

		d->line++;
		if (n == sizeof(line) - 1 && line[n - 1] != '\n')
			return sg_fail(err, -EBADMSG, "line %llu is longer than %d bytes",
				       (unsigned long long)d->line, LINE_MAX - 2);
		while (n && strchr("\r\n", line[n - 1]))
			line[--n] = 0;
		r = n ? take(d, line, err) : 0;
	}
	if (r == 0 && ferror(in))
		return sg_fail(err, -EIO, "cannot read line %llu", (unsigned long long)d->line + 1);
	if (r == 0 && d->rows == 0)
		return sg_fail(err, -ENODATA, "there is no line of timestamp,value");
	return r;
}

static int run(struct sg_cli *cli, struct detect *d, const char *file)
{
	FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	struct sg_error err = {0};
	int r;

	if (!in)
		return sg_cli_fail(cli, sg_cli_code(-errno), "cannot read %s: %s", file,
				   strerror(errno));
	print_header(d);
	r = read_rows(d, in, &err);
	if (in != stdin)
		fclose(in);
	fflush(stdout);
	if (r < 0)
		return sg_cli_fail(cli, r == -EBADMSG ? SG_EXIT_PROBLEMS : sg_cli_code(r), "%s: %s",
				   in == stdin ? "stdin" : file, err.msg);
	return ferror(stdout) && errno != EPIPE ? SG_EXIT_FAILED : SG_EXIT_OK;
}

int sg_cmd_detect(struct sg_cli *cli, int argc, char **argv)
{
	struct detect d = {0};
	const struct sg_opt opts[] = {
		{"counter", 0, SG_OPT_FLAG, &d.counter, NULL, "the values are a counter's totals"},
		{"parts", 0, SG_OPT_FLAG, &d.parts, NULL, "also what each detector found"},
	};
	int r = sg_opts_parse(cli, opts, ARRAY_SIZE(opts), argc, argv, 1, 1, NULL);

	if (r)
		return r < 0 ? SG_EXIT_USAGE : SG_EXIT_OK;
	d.detector = sg_detector_new(SG_DETECT_VALUE);
	if (!d.detector)
		return sg_cli_fail(cli, SG_EXIT_FAILED, "out of memory");
	r = run(cli, &d, argv[1]);
	sg_detector_free(d.detector);
	return r;
}
