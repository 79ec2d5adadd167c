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
    void take(long pgno, long sum);
  }

  private PageScan() {}

  /** Computes the checksum of every page but the lock page, in order. */
  static void forEachPage(DiskFile file, int pageSize, long count, PageSum action)
      throws IOException {
    if (count == 0) {
      return;
    }
    ByteBuffer buffer = ByteBuffer.allocateDirect(pageSize);
    long lockPage = PageChecksums.lockPage(pageSize);
    for (long pgno = 1; pgno <= count; pgno++) {
      if (pgno != lockPage) {
        buffer.clear();
        WorkingImage.readZeroFilled(file, buffer, (pgno - 1) * pageSize);
        action.take(pgno, PageChecksums.ofPage((int) pgno, buffer, 0, pageSize));
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
