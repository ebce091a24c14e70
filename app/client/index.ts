// client/index.ts - the public face of @tagd/client, for browsers and for Node 22 or newer.
//
// Its declarations speak of WebSocket and WebAssembly, which Node has too and declares in part only.
/// <reference lib="dom" preserve="true" />
export { connect, type ConnectOptions } from './connect.ts';
export { TagdSession, type StationAdministration } from './session.ts';
export { Tagger, type MeasurementsOf, type Request } from './tagger.ts';
export type { Measurement, MeasurementGetters, ReadableMeasurement, SharedMeasurement, SteerableMeasurement, UpdateOptions } from './measurement.ts';
export type { Member, SynchronizedMeasurements } from './synchronized.ts';
export type { View, ViewOptions } from './view.ts';
export type { Subscription } from './calls.ts';
export { TaggerError, type ErrorCode } from '../core/errors.ts';
export { formatLink, formatWebLink, parseLink, type Link } from '../core/link.ts';
export { measurements, type ConfigOf, type GetterArgs, type GetterName, type MeasurementName } from '../core/measurements.ts';
export { virtualKinds, type VirtualChannels, type VirtualDefinition, type VirtualKind } from '../core/virtual.ts';
export type { CounterData, FlimFrame, ValueOf } from './counts.ts';
export type { FrequencyCounterData, PulsePerSecondData, ScopeData, TagBuffer } from '../core/objects.ts';
export type { Reading, ResultInfo, VirtualView } from '../core/results.ts';
export type { KernelInfo, OnSettingsChange, Parts, Rates, ReferenceClockState, StationEvent, StationInfo, TaggerState, TaggerStatus } from '../core/station.ts';
export type { ConditionalFilter } from '../core/conditioning.ts';
export type { SettingInfo, Settings, SettingValue, TaggerInfo } from '../core/tagger.ts';
export type { LossGrade, WorstGrade } from '../core/tags.ts';
export type { AuditEntry, Facet, GrantInfo, MeasureOptions, ReadOptions, Shared, ShareOptions, SharedMeasurementInfo, TaggerSummary, WhoAmI } from '../rpc/api.ts';
