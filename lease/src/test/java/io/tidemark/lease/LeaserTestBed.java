package io.tidemark.lease;

import java.io.IOException;

/** A store for {@link LeaserConformance}, with the powers that a test needs over it. */
public interface LeaserTestBed extends AutoCloseable {
  /** What is lost of each request that writes. */
  enum Loss {
    NOTHING,
    /** It is carried out; the answer does not come back. */
    ANSWER,
    /** It is not carried out, and the client cannot know. */
    REQUEST,
    /** The client hears nothing, and it is carried out only by {@link #deliverLate}. */
    LATE
  }

  /** A client of its own, as another process would have; closed with the test bed. */
  Leaser newLeaser() throws Exception;

  /** The clock that the clients measure with. */
  BootClock clock();

  /**
   * Lets time pass until the store has ended an ownership that is not renewed and would let
   * somebody in. The holder is not told.
   *
   * @param observer will try to acquire afterwards
   */
  void awaitExpiry(Lease lease, Leaser observer) throws Exception;

  /** From now on this is lost of the requests that change ownership or record. */
  void lose(Loss loss);

  /** Carries out what was lost with {@link Loss#LATE}. */
  void deliverLate() throws Exception;

  /** From now on the store cannot be reached. */
  void takeAway() throws Exception;

  /** Undoes {@link #takeAway}. */
  void bringBack() throws Exception;

  /** Deletes the record by hand; the ownership stays. */
  void deleteRecord() throws Exception;

  /** Ends the ownership by hand, so that it is nobody's; the record stays. */
  void deleteOwnership() throws Exception;

  /** Whether {@link Leaser#watch} says anything at all. */
  default boolean givesHints() {
    return true;
  }

  /** Whether a request can come late: none can that does not leave the process. */
  default boolean requestsTravel() {
    return true;
  }

  /** Whether an ownership ends when its holder does nothing. */
  default boolean endsByTime() {
    return true;
  }

  /** Whether a record can be deleted while its ownership stays. */
  default boolean recordIsApart() {
    return true;
  }

  @Override
  void close() throws IOException;
}
