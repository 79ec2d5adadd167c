package io.tidemark.lease.support;

import io.tidemark.lease.Owner;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** An owner as the text that stores keep: {@code {"node":…,"nonce":…,"url":…,"hostname":…}}. */
public final class OwnerJson {
  private OwnerJson() {}

  public static String write(Owner owner) {
    return Json.write(toObject(owner));
  }

  public static Map<String, Object> toObject(Owner owner) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("node", owner.nodeId());
    object.put("nonce", owner.nonce());
    object.put("url", owner.advertiseUrl());
    object.put("hostname", owner.hostname());
    return object;
  }

  /**
   * @throws IOException when the text is not what {@link #write} makes
   */
  public static Owner parse(String text) throws IOException {
    return parse(Json.parseObject(text));
  }

  /**
   * @throws IOException when the node is missing
   */
  public static Owner parse(Map<String, Object> object) throws IOException {
    if (Json.text(object, "node").isEmpty()) {
      throw new IOException("no owner: a field \"node\" is missing");
    }
    return new Owner(
        Json.text(object, "node"),
        Json.text(object, "nonce"),
        Json.text(object, "url"),
        Json.text(object, "hostname"));
  }
}
