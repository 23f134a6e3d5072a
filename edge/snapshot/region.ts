// The location hint of an isolate's replica: the one nearest to the visitors that the isolate serves.
// (https://developers.cloudflare.com/durable-objects/reference/data-location/#provide-a-location-hint)

const between = (value: number, low: number, high: number): boolean => value >= low && value < high;

/** Visitors' continent and longitude as Cloudflare tells them; without them, Western Europe. */
export const locationHint = (cf: CfProperties | undefined): DurableObjectLocationHint => {
  const continent = cf === undefined || !("continent" in cf) ? null : cf.continent;
  const longitude = cf === undefined || !("longitude" in cf) ? 0 : Number(cf.longitude);
  switch (continent) {
    case "NA":
      return longitude < -100 ? "wnam" : "enam";
    case "SA":
      return "sam";
    case "AF":
      return "afr";
    case "OC":
      return "oc";
    case "AS":
      return between(longitude, 25, 63) ? "me" : "apac";
    case "EU":
      return longitude > 15 ? "eeur" : "weur";
    default:
      return "weur";
  }
};
