package io.tidemark.lease.protocol;

/**
 * What a node may show of a database after it has started, before it has heard from a primary.
 *
 * <p>The commit position that it knows is the one that was on disk, which can be older than what it
 * had already shown (the position travels behind the records and costs no sync of its own). What
 * lies beyond may have been shown, or may be in doubt, and the file {@code database} may have pages
 * of it. So it shows all of its log or nothing.
 */
public final class StartView {
  private StartView() {}

  /**
   * @param shown whether to show the database
   * @param upTo TXID up to which it is redone and shown; 0 if it is not shown
   */
  public record Verdict(boolean shown, long upTo, String reason) {}

  /**
   * @param mode in which the log was written, kept with the data
   * @param committed commit position on disk, a TXID; 0 for none
   * @param logEnd TXID of the last record on disk; 0 for none
   */
  public static Verdict judge(CommitMode mode, long committed, long logEnd) {
    if (mode == CommitMode.ASYNC || committed >= logEnd) {
      return new Verdict(true, logEnd, "all " + logEnd + " transactions here are committed");
    }
    return new Verdict(
        false,
        0,
        "transactions "
            + (committed + 1)
            + " to "
            + logEnd
            + " are in doubt until a primary has settled them");
  }

  /**
   * What a node shows once it follows a primary.
   *
   * @param shown TXID up to which it shows the database now; -1 if it does not
   * @param first the first commit position that it has heard since it started; -1 for none. A
   *     primary announces one only when it has settled what it inherited ({@link Tail#announced}),
   *     so it is not below anything that was ever shown
   * @param announced the newest commit position that it has heard, -1 for none
   * @param durable TXID up to which the log here is on disk and known to be a part of that
   *     primary's log
   * @return TXID up to which to show it; -1 for not yet
   */
  public static long following(long shown, long first, long announced, long durable) {
    long known = Math.min(announced, durable);
    if (shown < 0) {
      return first >= 0 && durable >= first ? known : -1;
    }
    return Math.max(shown, known);
  }
}
