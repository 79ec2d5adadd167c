package io.tidemark.stream;

/**
 * The primary asks for checksums of pages, to send only pages that differ. It asks for a piece at a
 * time, so neither side ever holds those of a whole database.
 *
 * @param id database
 * @param firstPage 1 to 2^32-1
 * @param count pages, 1 to {@link Protocol#MAX_SUMS}
 */
public record PageSumsRequest(int id, long firstPage, int count) implements Frame {
  public PageSumsRequest {
    FrameType type = FrameType.PAGE_SUMS_REQUEST;
    type.checkId(id);
    type.check(
        firstPage >= 1 && firstPage <= SnapshotPages.MAX_PAGE,
        "first page",
        firstPage,
        "1 to 2^32-1");
    type.check(
        count >= 1 && count <= Protocol.MAX_SUMS,
        "number of pages",
        count,
        "1 to " + Protocol.MAX_SUMS);
  }

  @Override
  public FrameType type() {
    return FrameType.PAGE_SUMS_REQUEST;
  }

  void write(PayloadWriter out) {
    out.u32(id).u32(firstPage).u32(count);
  }

  static PageSumsRequest read(PayloadReader in) {
    return new PageSumsRequest(
        in.id(),
        in.u32("first page"),
        (int) Math.min(in.u32("number of pages"), Integer.MAX_VALUE));
  }
}
