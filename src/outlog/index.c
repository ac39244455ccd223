/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "outlog/reader_impl.h"

#define TORN_MAX 4096 /* entries at the end that a crash may have left unreadable */

/* The last entry is rewritten in place while it grows: a read in the middle of that sees neither
 * form, and the next one sees the new one. */
static bool
read_entry(struct outlog_reader *r, uint64_t number, struct index_entry *ret_entry)
{
	unsigned char bytes[INDEX_ENTRY_LEN];
	ssize_t n;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		n = reader_pread(r->indexfd, bytes, sizeof bytes,
				 INDEX_HEADER_LEN + number * INDEX_ENTRY_LEN, r->nowait);
		if (n < 0) {
			r->trouble = (int)n;
			return false;
		}
		if (n == (ssize_t)sizeof bytes && index_decode(bytes, ret_entry))
			return true;
	}
	return false;
}

/* How many entries the file has room for; opens it at the first call. */
static int
count_slots(struct outlog_reader *r, uint64_t *ret_count)
{
	struct stat st;

	*ret_count = 0;
	if (r->indexfd < 0)
		r->indexfd = sys_openat(r->dirfd, INDEX_FILE, O_RDONLY, 0);
	if (r->indexfd < 0)
		return errno == ENOENT ? 0 : -errno; /* nothing was written yet */
	if (fstat(r->indexfd, &st) < 0)
		return -errno;
	if (st.st_size > INDEX_HEADER_LEN)
		*ret_count = (uint64_t)(st.st_size - INDEX_HEADER_LEN) / INDEX_ENTRY_LEN;
	return 0;
}

int
index_count(struct outlog_reader *r, uint64_t *ret_count, struct index_entry *ret_last)
{
	uint64_t slots, torn;
	int rc;

	*ret_count = 0;
	memset(ret_last, 0, sizeof *ret_last);
	rc = count_slots(r, &slots);
	for (torn = 0; rc == 0 && !r->trouble && torn < MIN(slots, TORN_MAX); torn++) {
		if (!read_entry(r, slots - 1 - torn, ret_last))
			continue;
		*ret_count = slots - torn;
		return 0;
	}
	memset(ret_last, 0, sizeof *ret_last);
	return rc;
}

uint64_t
index_sum(const struct index_entry *e)
{
	return e->end[OUTLOG_OUT] + e->end[OUTLOG_ERR];
}

bool
index_reaches(const struct index_entry *e, const struct index_goal *goal)
{
	return index_sum(e) > goal->sum || e->end[OUTLOG_OUT] > goal->end[OUTLOG_OUT] ||
	       e->end[OUTLOG_ERR] > goal->end[OUTLOG_ERR];
}

/* Most reads go on where the last one ended: look at the entry that was used last and at the next
 * one, and narrow the search to what they leave. */
static bool
look_near(struct outlog_reader *r, const struct index_goal *goal, uint64_t *low, uint64_t *high,
	  struct index_entry *ret_entry)
{
	uint64_t number = r->hint;
	struct index_entry e;

	for (; number <= r->hint + 1 && number < *high; number++) {
		if (!read_entry(r, number, &e) || !index_reaches(&e, goal)) {
			*low = number + 1;
			continue;
		}
		*ret_entry = e;
		*high = number;
		if (number == r->hint && number > 0 && read_entry(r, number - 1, &e) &&
		    !index_reaches(&e, goal))
			*low = number;
		return true;
	}
	return false;
}

/* Entries that cannot be read lie in the hole at the front. */
bool
index_find(struct outlog_reader *r, const struct index_goal *goal, uint64_t count,
	   uint64_t *ret_number, struct index_entry *ret_entry)
{
	uint64_t low = 0, high = count, middle;
	struct index_entry e;
	bool found;

	found = look_near(r, goal, &low, &high, ret_entry);
	while (low < high) {
		middle = low + (high - low) / 2;
		if (!read_entry(r, middle, &e) || !index_reaches(&e, goal)) {
			low = middle + 1;
			continue;
		}
		*ret_entry = e;
		high = middle;
		found = true;
	}
	if (found)
		*ret_number = r->hint = high;
	return found;
}

/* Before the first entry that can be read, it is where the stored bytes begin. */
int
index_before(struct outlog_reader *r, uint64_t number, const struct index_entry *e,
	     struct index_entry *ret_before)
{
	struct outlog_extents extents;
	int i, rc;

	memset(ret_before, 0, sizeof *ret_before);
	if (number == 0 || read_entry(r, number - 1, ret_before))
		return 0;
	rc = reader_extents(r, &extents);
	for (i = 0; i < OUTLOG_STREAMS; i++)
		ret_before->end[i] = MIN(extents.stream[i].start, e->end[i]);
	return rc;
}

int64_t
index_time_of(struct outlog_reader *r, enum outlog_stream stream, uint64_t offset,
	      uint64_t *ret_until)
{
	struct index_goal goal = { UINT64_MAX, { UINT64_MAX, UINT64_MAX } };
	struct index_entry e, before, last;
	uint64_t count, number;

	*ret_until = UINT64_MAX;
	goal.end[stream] = offset;
	if (index_count(r, &count, &last) < 0 || !index_find(r, &goal, count, &number, &e) ||
	    index_before(r, number, &e, &before) < 0)
		return 0;
	if (offset < before.end[stream]) { /* dropped just now, and its entry with it */
		*ret_until = before.end[stream];
		return 0;
	}
	*ret_until = e.end[stream];
	return e.wall_ns;
}
