package io.tidemark.stream;

import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.PageChecksums;
import java.nio.ByteBuffer;

/**
 * Checksums of pages that a replica has, in answer to {@link PageSumsRequest}.
 *
 * @param id database
 * @param pageSize bytes, a power of two from 512 to 65536
 * @param firstPage 1 to 2^32-1
 * @param sums page checksums of consecutive pages, 8 bytes each, at most {@link Protocol#MAX_SUMS};
 *     each has bit 63 set, except that of the lock page, which is 0
 * @param last whether the replica's database ends here; then there may be fewer than were asked
 *     for, even none
 */
public record PageSums(int id, int pageSize, long firstPage, ByteBuffer sums, boolean last)
    implements Frame {
  static final int LAST = 1;

  public PageSums {
    FrameType type = FrameType.PAGE_SUMS;
    sums = sums.slice().asReadOnlyBuffer();
    type.checkId(id);
    type.check(
        LtxHeader.isValidPageSize(pageSize),
        "page size",
        pageSize,
        "a power of two from 512 to 65536");
    int bytes = sums.remaining();
    int count = bytes / Long.BYTES;
    type.check(
        bytes % Long.BYTES == 0 && count <= Protocol.MAX_SUMS && (count > 0 || last),
        "bytes of checksums",
        bytes,
        "8 for each of at most " + Protocol.MAX_SUMS + " pages, none only at the end");
    type.check(
        firstPage >= 1 && firstPage + count - 1 <= SnapshotPages.MAX_PAGE,
        "first page",
        firstPage,
        "1 to 2^32-1 with all ",
        count,
        " pages");
    long lockPage = PageChecksums.lockPage(pageSize);
    for (int i = 0; i < count; i++) {
      long sum = sums.getLong(i * Long.BYTES);
      boolean expected = firstPage + i == lockPage ? sum == 0 : sum < 0;
      if (!expected) {
        type.check(
            false,
            "checksum of page " + (firstPage + i),
            new Checksum(sum),
            firstPage + i == lockPage ? "0 for the lock page" : "bit 63 set");
      }
    }
  }

  /** Number of pages. */
  public int count() {
    return sums.remaining() / Long.BYTES;
  }

  /**
   * Checksum of the page {@code firstPage + index}.
   *
   * @param index 0 to {@link #count} - 1
   */
  public Checksum sum(int index) {
    return new Checksum(sums.getLong(index * Long.BYTES));
  }

  /** A read-only view with a position of its own. */
  @Override
  public ByteBuffer sums() {
    return sums.duplicate();
  }

  @Override
  public FrameType type() {
    return FrameType.PAGE_SUMS;
  }

  void write(PayloadWriter out) {
    out.flag(LAST, last).u32(id).u32(pageSize).u32(firstPage).rest(sums());
  }

  static PageSums read(PayloadReader in) {
    return new PageSums(
        in.id(),
        (int) Math.min(in.u32("page size"), Integer.MAX_VALUE),
        in.u32("first page"),
        in.rest(),
        in.flag(LAST));
  }

  @Override
  public String toString() {
    return "PageSums[id="
        + id
        + ", pages "
        + firstPage
        + " to "
        + (firstPage + count() - 1)
        + " of "
        + pageSize
        + " bytes, last="
        + last
        + "]";
  }
}
