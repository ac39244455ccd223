/* SPDX-License-Identifier: MIT */
/*
 * crc - CRC-32C (Castagnoli, RFC 3720 appendix B.4): checksum of records and index entries.
 */
#ifndef JOBWIRE_BASE_CRC_H
#define JOBWIRE_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continue `crc` (0 to begin) over the bytes. Thread-safe. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
