package io.tidemark.stream;

import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.PageChecksums;
import java.nio.ByteBuffer;

/**
 * A run of pages of the snapshot under way. The page size is the number of bytes by the number of
 * pages. SQLite's lock page is in no run: what stands there counts in no checksum.
 *
 * @param id database
 * @param firstPage number of the first page, 1 to 2^32-1
 * @param count pages, at least 1
 * @param bytes their content, at most {@link Protocol#MAX_DATA}
 */
public record SnapshotPages(int id, long firstPage, int count, ByteBuffer bytes) implements Frame {
  static final int LZ4 = 1;

  /** The greatest page number. */
  static final long MAX_PAGE = 0xffffffffL;

  public SnapshotPages {
    FrameType type = FrameType.SNAPSHOT_PAGES;
    bytes = bytes.slice().asReadOnlyBuffer();
    type.checkId(id);
    int length = bytes.remaining();
    type.check(
        length <= Protocol.MAX_DATA, "number of bytes", length, "at most " + Protocol.MAX_DATA);
    type.check(
        count >= 1 && length % count == 0 && LtxHeader.isValidPageSize(length / count),
        "number of pages",
        count,
        "a number that divides ",
        length,
        " bytes into pages of a power of two from 512 to 65536");
    type.check(
        firstPage >= 1 && firstPage <= MAX_PAGE - count + 1,
        "first page",
        firstPage,
        "1 to 2^32-1 with all ",
        count,
        " pages");
    long lockPage = PageChecksums.lockPage(length / count);
    type.check(
        lockPage < firstPage || lockPage >= firstPage + count,
        "first page",
        firstPage,
        "a run of ",
        count,
        " without the lock page ",
        lockPage);
  }

  public int pageSize() {
    return bytes.remaining() / count;
  }

  /** A read-only view with a position of its own. */
  @Override
  public ByteBuffer bytes() {
    return bytes.duplicate();
  }

  @Override
  public FrameType type() {
    return FrameType.SNAPSHOT_PAGES;
  }

  @Override
  public int dataBytes() {
    return bytes.remaining();
  }

  void write(PayloadWriter out) {
    out.u32(id).u32(firstPage).u16(count).data(bytes(), LZ4);
  }

  static SnapshotPages read(PayloadReader in) {
    return new SnapshotPages(
        in.id(), in.u32("first page"), in.u16("number of pages"), in.data("pages", LZ4));
  }

  @Override
  public String toString() {
    return "SnapshotPages[id="
        + id
        + ", pages "
        + firstPage
        + " to "
        + (firstPage + count - 1)
        + " of "
        + pageSize()
        + " bytes]";
  }
}
