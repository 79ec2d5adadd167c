package io.tidemark.database;

import io.tidemark.ltx.LtxHeader;

/**
 * One transaction as the log holds it.
 *
 * @param segment number of the segment, from 1
 * @param offset byte offset of the record in its segment
 * @param ltxLength bytes of the LTX file inside the record
 */
public record LogRecord(long epoch, long segment, long offset, long ltxLength, LtxHeader header) {}
