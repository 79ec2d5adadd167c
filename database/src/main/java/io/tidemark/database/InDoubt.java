package io.tidemark.database;

import java.time.Instant;

/**
 * Transactions that the log of a primary has, and of which nobody knows yet whether they are
 * committed. They are shown nowhere until that is settled, then everywhere or nowhere.
 *
 * @param firstTxid the first of them
 * @param last the last of them: epoch, TXID and the checksum that it would lead to
 * @param since when this node began to be in doubt
 */
public record InDoubt(long firstTxid, LogPosition last, Instant since) {}
