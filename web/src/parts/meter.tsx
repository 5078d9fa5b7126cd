// How much of a limit is used: a number, and a bar where a limit is known.

export function Meter(props: { label: string; used: number | undefined; of?: number; as: (n: number | undefined) => string }) {
  const share = props.of && props.of > 0 && props.used !== undefined ? props.used / props.of : null;
  const tone = share === null ? "" : share >= 0.9 ? "bad" : share >= 0.75 ? "warn" : "";
  return (
    <div class="meter">
      <span>{props.label}</span>
      <span class="num">
        {props.as(props.used)} {props.of && props.of > 0 ? <span class="muted">of {props.as(props.of)}</span> : <span class="muted">no limit</span>}
      </span>
      {share !== null && (
        <div class={`track ${tone}`} role="img" aria-label={`${Math.round(share * 100)} %`}>
          <i style={{ width: `${Math.min(100, share * 100)}%` }} />
        </div>
      )}
    </div>
  );
}
