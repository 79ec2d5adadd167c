package io.tidemark.stream.send;

import io.tidemark.database.SnapshotSource;
import io.tidemark.ltx.PageChecksums;
import io.tidemark.stream.Protocol;
import io.tidemark.stream.SnapshotPages;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;

/** The pages of a snapshot as frames, in rising order, without the lock page. Single-threaded. */
final class PageFrames {
  private final int id;
  private final SnapshotSource source;
  private final BitSet wanted;
  private final long lockPage;
  private final int mostPages;
  private long next;

  /**
   * @param after pages up to this one are there already, 0 for none
   * @param wanted pages to be sent, by their number less one; null for all
   */
  PageFrames(int id, SnapshotSource source, long after, BitSet wanted) {
    this.id = id;
    this.source = source;
    this.wanted = wanted;
    this.lockPage = PageChecksums.lockPage(source.pageSize());
    this.mostPages = Protocol.MAX_DATA / source.pageSize();
    this.next = after + 1;
  }

  /** The next run of pages, or null after the last. */
  SnapshotPages next() throws IOException {
    long first = firstFrom(next);
    if (first > source.pageCount()) {
      return null;
    }
    int count = 1;
    while (count < mostPages && isSent(first + count)) {
      count++;
    }
    ByteBuffer bytes = ByteBuffer.allocate(count * source.pageSize());
    source.readPages(first, count, bytes);
    next = first + count;
    return new SnapshotPages(id, first, count, bytes.flip());
  }

  private long firstFrom(long pgno) {
    long first = pgno;
    if (wanted != null) {
      int set = wanted.nextSetBit((int) (first - 1));
      first = set < 0 ? source.pageCount() + 1 : set + 1L;
    }
    return first == lockPage ? firstFrom(first + 1) : first;
  }

  private boolean isSent(long pgno) {
    return pgno <= source.pageCount()
        && pgno != lockPage
        && (wanted == null || wanted.get((int) (pgno - 1)));
  }
}
