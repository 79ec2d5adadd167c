package io.tidemark.database;

import io.tidemark.database.Disk.DiskFile;
import io.tidemark.ltx.LtxSource;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The LTX file inside a record of a segment file. */
final class DiskLtxSource implements LtxSource {
  private final DiskFile file;
  private final long end;
  private long position;

  DiskLtxSource(DiskFile file, long recordOffset, RecordHeader record) {
    this.file = file;
    this.position = recordOffset + RecordHeader.SIZE + record.extraLength();
    this.end = position + record.ltxLength();
  }

  @Override
  public int read(ByteBuffer dst) throws IOException {
    if (position >= end) {
      return -1;
    }
    int limit = dst.limit();
    dst.limit((int) Math.min(limit, dst.position() + (end - position)));
    int n = file.read(dst, position);
    dst.limit(limit);
    position += n;
    return n == 0 ? -1 : n;
  }
}
