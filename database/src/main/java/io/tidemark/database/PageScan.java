package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.PageChecksums;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Work on all pages of a database file, or on all pages of a record. */
final class PageScan {
  /** Takes a page number and the checksum of the page. */
  interface PageSum {
    void take(long pgno, long sum) throws IOException;
  }

  /** Bytes read at once. */
  private static final int CHUNK = 256 << 10;

  private PageScan() {}

  /** Computes the checksum of every page but the lock page, in order. */
  static void forEachPage(DiskFile file, int pageSize, long count, PageSum action)
      throws IOException {
    if (count == 0) {
      return;
    }
    int atOnce = (int) Math.min(count, Math.max(1, CHUNK / pageSize));
    ByteBuffer buffer = ByteBuffer.allocateDirect(atOnce * pageSize);
    long lockPage = PageChecksums.lockPage(pageSize);
    for (long first = 1; first <= count; first += atOnce) {
      int pages = (int) Math.min(atOnce, count - first + 1);
      buffer.clear().limit(pages * pageSize);
      WorkingImage.readZeroFilled(file, buffer, (first - 1) * pageSize);
      for (int i = 0; i < pages; i++) {
        long pgno = first + i;
        if (pgno != lockPage) {
          action.take(pgno, PageChecksums.ofPage((int) pgno, buffer, i * pageSize, pageSize));
        }
      }
    }
  }

  /**
   * Applies a record to a file.
   *
   * @param buffer room for the largest page, 64 KiB
   */
  static void redo(DiskFile file, LtxDecoder decoder, ByteBuffer buffer, PageSum action)
      throws IOException {
    int size = decoder.header().pageSize();
    buffer.clear().limit(size);
    while (decoder.nextPage(buffer)) {
      buffer.clear().limit(size);
      long pgno = decoder.pageNumber();
      file.write(buffer, (pgno - 1) * size);
      action.take(pgno, decoder.pageChecksum());
      buffer.clear().limit(size);
    }
    decoder.trailer();
    long bytes = decoder.header().commit() * size;
    if (file.size() > bytes) {
      file.truncate(bytes);
    }
  }
}
