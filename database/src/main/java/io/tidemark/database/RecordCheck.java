package io.tidemark.database;

import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxHeader;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Finds out what the image would be after a record, before a page of it is written anywhere. */
final class RecordCheck {
  private static final long MOST_PAGES = Integer.MAX_VALUE - 8;

  private RecordCheck() {}

  /**
   * Reads all of a record.
   *
   * @param into gets what the record changes, with the pages themselves if they are few
   * @return null if the record leads to the checksum it names, else what is wrong, for people
   */
  static String stage(LtxDecoder decoder, CommittedState committed, StagedPages into)
      throws IOException {
    LtxHeader header = decoder.header();
    if (header.commit() > MOST_PAGES) {
      return "it has " + header.commit() + " pages, more than this version can hold";
    }
    PageSums sums = committed.sums();
    boolean renumbered = header.pageSize() != committed.pageSize();
    long oldCount = renumbered ? 0 : sums.count();
    long rolling = renumbered ? Checksum.FLAG : sums.rolling();
    into.begin(header.commit(), header.pageSize(), 0, header.timestampMillis());
    into.keepIn(Scratch.get().pages());
    for (ByteBuffer page = into.nextPage(); decoder.nextPage(page); page = into.nextPage()) {
      long pgno = decoder.pageNumber();
      long sum = decoder.pageChecksum();
      rolling ^= (pgno <= oldCount ? sums.get(pgno) : 0) ^ sum;
      into.add((int) pgno, sum);
      if (pgno == 1) {
        into.wal(new SqliteHeader(page.flip()).isWal());
      }
    }
    for (long pgno = header.commit() + 1; pgno <= oldCount; pgno++) {
      rolling ^= sums.get(pgno);
    }
    long expected = decoder.trailer().postApplyChecksum();
    rolling |= Checksum.FLAG;
    return rolling == expected
        ? null
        : "the database would have checksum "
            + new Checksum(rolling)
            + " after it, the primary had "
            + new Checksum(expected);
  }
}
