package io.tidemark.stream;

/** Where a node stands to the in-sync set of the cluster record that its primary acts on. */
public enum MemberStanding {
  /** It may ask to be admitted, with a token that it draws now ({@link Admission}). */
  NOT_A_MEMBER,
  /** It is a member, with the identity that counts on this connection. */
  MEMBER,
  /** It has to leave the set before anything is sent to it. */
  LEAVING;

  int code() {
    return ordinal();
  }

  static MemberStanding of(FrameType type, int code) {
    type.check(
        code < values().length, "standing", code, "0 (no member), 1 (member) or 2 (leaving)");
    return values()[code];
  }
}
